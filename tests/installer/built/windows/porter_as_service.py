"""The porter as Windows starts it, on a Wine that does not say whose a connection is.

Wine has the number 0 for every process at the other end of a connection on its own computer. So the
test says whose they are: the user's who has this process. Everything else is the porter's own.
"""

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT))


def main() -> int:
    from agent.host.peer.windows import open_system  # the path is known now
    from agent.host.porter.windows_users import WindowsUsers  # likewise
    from tray.__main__ import SERVICE_ARGUMENTS  # likewise
    from tray.__main__ import main as program  # likewise

    own = open_system().user_of(None)

    def whose(*_: Any) -> bytes | None:
        return own

    WindowsUsers.whose = whose  # type: ignore[method-assign]
    sys.argv[1:1] = SERVICE_ARGUMENTS
    return program()


if __name__ == "__main__":
    sys.exit(main())
