"""The command `mentee` with a seeded bug: `python -m tests.chaos.planted MUTANT run`."""

import sys

from deploy.cli import app
from tests.chaos.mutants import seed

if __name__ == "__main__":
    seed(sys.argv.pop(1))
    app()
