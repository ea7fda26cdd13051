"""`python -m gazeheads`: the command line."""

import sys

from gazeheads.cli import main

if __name__ == "__main__":
    sys.exit(main())
