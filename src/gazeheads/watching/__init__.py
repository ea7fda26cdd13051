"""One answer, and where heads looked while each of its words was made."""
