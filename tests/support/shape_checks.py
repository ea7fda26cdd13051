"""What checks the types of the modules that `make test-shapes` names."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))  # a float may be an int, as for type checkers
