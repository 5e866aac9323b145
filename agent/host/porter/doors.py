"""Which agents are registered: the newest of a user gets the user's connections."""

from collections.abc import Hashable, Iterator
from typing import Final, Generic, Protocol, TypeVar

MAX_OF_USER: Final = 4
"""One is enough; a user who signs in twice, or changes versions, has two for a moment."""
MAX_DOORS: Final = 1024
"""All users' together: each costs a descriptor."""


class OfUser(Protocol):
    """A way to one user's agent."""

    @property
    def user(self) -> Hashable:
        """Whose it is, as the system names users."""

    @property
    def is_open(self) -> bool:
        """Whether it takes connections."""


AnyDoor = TypeVar("AnyDoor", bound=OfUser)


class Doors(Generic[AnyDoor]):
    """The doors that were opened, each of them bounded by user and all together."""

    def __init__(self, of_user: int = MAX_OF_USER, together: int = MAX_DOORS) -> None:
        """Begin without one.

        Args:
            of_user: how many one user has.
            together: how many all users have.

        """
        self._of_user = of_user
        self._together = together
        self._doors: dict[AnyDoor, None] = {}  # the one that was used longest ago first

    def __len__(self) -> int:
        return len(self._doors)

    def __iter__(self) -> Iterator[AnyDoor]:
        return iter(tuple(self._doors))

    def add(self, door: AnyDoor) -> AnyDoor | None:
        """Add a door; return the one that has to go for it, of its user if that has many."""
        self._doors[door] = None
        of_user = [each for each in self._doors if each.user == door.user]
        if len(of_user) > self._of_user:
            return of_user[0]
        return next(iter(self._doors)) if len(self._doors) > self._together else None

    def newest(self, user: Hashable) -> AnyDoor | None:
        """Return a user's newest door of those that are open; None where there is none."""
        doors = (each for each in reversed(self._doors) if each.user == user and each.is_open)
        return next(doors, None)

    def used(self, door: AnyDoor) -> None:
        """Let a door be the last to go, unless it is open and its user has a newer one."""
        is_overtaken = door.is_open and self.newest(door.user) is not door
        if door in self._doors and not is_overtaken:
            del self._doors[door]
            self._doors[door] = None

    def remove(self, door: AnyDoor) -> None:
        """Forget a door, if it is there."""
        self._doors.pop(door, None)
