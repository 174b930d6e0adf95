"""`python -m jobsched.cli`: the program, for whoever has its interpreter but not its script on the path."""

import sys

from .main import run

if __name__ == "__main__":
    sys.exit(run())
