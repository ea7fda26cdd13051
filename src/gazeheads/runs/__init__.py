"""Putting trials to a model and judging them, in folders that survive kills: run, judge, tune, narrate."""
