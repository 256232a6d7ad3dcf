"""`python -m meshlib.cli.demo`, the same as `meshlib demo`."""

import sys

from meshlib.cli.demo import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
