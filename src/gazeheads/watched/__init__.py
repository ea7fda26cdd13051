"""Watching a model look: one answer, and where heads looked while each of its words was made.

- `asked`: from files and a question to a scene, and to a gaze at its regions.
- `watch`: generate with recording, gaze heads and a control set at once, into a `Watched`.
- `phrases`: the things that an answer describes, and the tokens that wrote them.
- `sinks`: image tokens that get attention and carry nothing.
- `areas`: the regions of a picture that are told apart.
- `steered`: how an answer was steered, in words.
- `packing`, `page`: one HTML file that holds the picture, the text and every head's attention.
- `figure`: the same as a figure, for print.
"""
