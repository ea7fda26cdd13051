"""Who says which region an answer describes. A judge never sees target or condition."""
