"""`newsloom`, and `python -m services`: the command line, from its first import on.

Most of the first second goes into imports; Ctrl-C in that second ends the command with its exit code, like any other.
"""

from __future__ import annotations

import sys


def main() -> None:
    """The console script."""
    try:
        from services.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
    except RuntimeError as error:
        # what interrupts the making of a class comes out wrapped, before Python 3.12
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        sys.exit(130)


if __name__ == "__main__":
    main()
