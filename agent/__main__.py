"""``python -m agent`` is the command ``ankong``."""

import sys


def main() -> int:
    """Run the command line; return the exit status."""
    from agent.cli import run  # noqa: PLC0415  # a plain --version must not load everything

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
