"""A vision-language model that one can point: from pictures and words to answers."""
