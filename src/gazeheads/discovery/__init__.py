"""Which heads look: the gaze score, other scores on the same passes, causal effects, and how well rankings agree."""
