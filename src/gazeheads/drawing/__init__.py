"""How doodles are drawn: procedural strips, scenes and clips of which everything is known."""
