"""A PyInstaller runtime hook: runs before the program's own code on Linux."""

import os
import sys

WIZARD_ARGUMENT = "--wizard"


def forget_own_libraries() -> None:
    """Remove our library folder from the environment, for the programs that we start.

    They need the system's libraries; the loader of this process has read the variable already.
    """
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if before is None:
        os.environ.pop("LD_LIBRARY_PATH", None)
    else:
        os.environ["LD_LIBRARY_PATH"] = before
    # Where we start ourselves, for a window, that one has to set its own up again.
    os.environ["PYINSTALLER_RESET_ENVIRONMENT"] = "1"


if getattr(sys, "frozen", False):
    forget_own_libraries()
    if sys.argv[1:2] == [WIZARD_ARGUMENT]:
        from wizard.main import main

        sys.exit(main(sys.argv[2:]))
