"""Whether a model fits: what it sees of a picture, where its tokens look, and whether pushes move its attention."""
