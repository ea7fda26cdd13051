"""Whether a model fits: what it sees of an image, where its tokens look, and whether pushes move its attention."""
