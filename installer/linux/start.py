"""The first code of the frozen program on Linux: PyInstaller runs it before the program's own."""

import os
import sys

WIZARD_ARGUMENT = "--wizard"


def forget_own_libraries() -> None:
    """Let the programs that we start find the system's libraries, not ours.

    The folder of ours stands in the environment, for the loader of this process; it has read it.
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
