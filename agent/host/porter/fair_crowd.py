"""A bounded crowd: when it is full, whoever has most of it gives way, the oldest first."""

from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Final, Generic, TypeVar

MAX_WAITING: Final = 64
"""All users' together."""

Item = TypeVar("Item", bound=Hashable)


class FairCrowd(Generic[Item]):
    """Things of several users, in the order in which they came."""

    def __init__(self, most: int = MAX_WAITING) -> None:
        """Begin empty; hold ``most`` at once, of all users together."""
        self._most = most
        self._users: dict[Item, Hashable] = {}  # the oldest first
        self._counts: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return len(self._users)

    def __iter__(self) -> Iterator[Item]:
        return iter(tuple(self._users))

    def add(self, user: Hashable, item: Item) -> tuple[Hashable, Item] | None:
        """Add a thing; return the one that has to go for it and whose it is, perhaps the new one's.

        Returns:
            The user and the thing; None while there is room.

        """
        self._users[item] = user
        self._counts[user] += 1
        if len(self._users) <= self._most:
            return None
        ((largest, _),) = self._counts.most_common(1)
        oldest = next(each for each, whose in self._users.items() if whose == largest)
        self.remove(oldest)
        return largest, oldest

    def first(self, user: Hashable) -> Item | None:
        """Return the oldest of a user; None where there is none."""
        if user not in self._counts:
            return None
        return next(each for each, whose in self._users.items() if whose == user)

    def remove(self, item: Item) -> None:
        """Remove a thing, if it is there."""
        if item in self._users:
            user = self._users.pop(item)
            self._counts[user] -= 1
            if not self._counts[user]:
                del self._counts[user]
