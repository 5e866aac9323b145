"""The member service: ``python -m agent.portal``, installed ``ankong-portal``."""

import sys

from agent.portal.operations.command import main

if __name__ == "__main__":
    sys.exit(main())
