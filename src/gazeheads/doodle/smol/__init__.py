"""A pretrained language model that is taught to see: SmolLM2-135M with a small tower of its own."""
