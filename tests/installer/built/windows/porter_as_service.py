"""The porter as Windows starts it, on a Wine that does not say whose a connection is.

Wine has the number 0 for every process at the other end of a connection on its own computer. So the
test says whose they are: the user's who has this process, unless the file beside the ports says
that it is nobody's. Everything else is the porter's own.
"""

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT))


def main() -> int:
    from agent.cli import run  # the path is known now
    from agent.host.peer.windows import open_system  # likewise
    from agent.host.porter.windows_users import WindowsUsers  # likewise

    own = open_system().user_of(None)

    def whose(*_: Any) -> bytes | None:
        return own

    WindowsUsers.whose = whose  # type: ignore[method-assign]
    return run(["porter", "--service", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
