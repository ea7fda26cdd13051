"""Which image token sees which pixels, and regions of a picture as weighted tokens. No torch."""
