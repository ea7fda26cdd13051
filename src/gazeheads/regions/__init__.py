"""Which image token sees which pixels, and regions of an image as weighted tokens. No torch."""
