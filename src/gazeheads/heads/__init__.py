"""Sets of heads as values, with their scores, their controls, and their files."""
