"""A vision-language model that one can point: from images and words to answers."""
