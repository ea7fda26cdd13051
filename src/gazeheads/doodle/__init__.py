"""Doodle-VL, the bundled model: its configuration, tokenizer, weights and how they were trained."""
