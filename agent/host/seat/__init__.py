"""Whether this person is the one in front of the computer: one module a system, one interface.

Several people may be signed in at once (fast user switching). The ports that old pages know exist
once; they belong to who is in front.
"""

import sys
from typing import Final

from agent.host.seat.session_seat import SessionSeat

FIRST_LOOK_SECONDS: Final = 2.0
"""How long the system may take to say for the first time who is in front."""


def find_seat() -> SessionSeat:
    """Return what tells it on this system; belongs to the event loop that runs."""
    seat = SessionSeat()
    if sys.platform == "linux":
        from agent.host.seat.logind import LogindSeat  # noqa: PLC0415  # it alone needs D-Bus

        seat = LogindSeat()
    elif sys.platform == "win32":
        from agent.host.seat.windows_session import WindowsSeat  # noqa: PLC0415  # Windows only

        seat = WindowsSeat()
    elif sys.platform == "darwin":
        from agent.host.seat.macos_console import MacosSeat  # noqa: PLC0415  # macOS only

        seat = MacosSeat()
    return seat
