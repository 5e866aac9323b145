"""What a person's desktop is told of our program: when to start it, and where to offer it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class SessionEntry(Protocol):
    """Something that is written down for one user, and that the system reads.

    Every call may be repeated. Nothing here needs an administrator.
    """

    @property
    def folders(self) -> Sequence[Path]:
        """The folders of its files, made when missing; none where it is no file."""

    def is_on(self) -> bool:
        """Return whether it counts."""

    def started(self) -> Sequence[str]:
        """Return the program that is started by it, and its arguments; empty where none is."""

    def turn_on(self) -> None:
        """Have it count.

        Raises:
            OSError: it cannot be written down.

        """

    def turn_off(self) -> None:
        """Have it count no more.

        Raises:
            OSError: it cannot be written down.

        """

    def forget(self) -> None:
        """Remove all that was written for this user, before the program is removed.

        Raises:
            OSError: it cannot be taken away.

        """
