"""A bounded memory that one talkative group cannot take from the others."""

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class FairRing(Generic[T]):
    """Keeps the newest entries; when it is full, the oldest of the largest group goes.

    So a group that floods pushes out its own entries once it has more than any other.
    """

    def __init__(self, size: int) -> None:
        """Begin empty; ``size`` entries fit in."""
        self._size = size
        self._entries: dict[int, tuple[str, T]] = {}  # by number: the oldest first
        self._groups: dict[str, dict[int, None]] = {}
        self._next = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[T]:
        """Go through all entries, the oldest first."""
        return (entry for _, entry in tuple(self._entries.values()))

    def add(self, group: str, entry: T) -> int:
        """Keep an entry; return the number under which :meth:`remove` takes it back."""
        number = self._next
        self._next += 1
        self._entries[number] = (group, entry)
        self._groups.setdefault(group, {})[number] = None
        if len(self._entries) > self._size:
            largest = max(self._groups.values(), key=len)
            self.remove(next(iter(largest)))
            self.dropped += 1
        return number

    def remove(self, number: int) -> None:
        """Forget an entry, if it is still there."""
        found = self._entries.pop(number, None)
        if found is None:
            return
        group = self._groups[found[0]]
        del group[number]
        if not group:
            del self._groups[found[0]]

    def before(self, number: int) -> tuple[int, T] | None:
        """Return the entry before this one in its group, with its number."""
        if number not in self._entries:
            return None
        newest_first = reversed(self._groups[self._entries[number][0]])
        earlier = next((each for each in newest_first if each < number), None)
        return None if earlier is None else (earlier, self._entries[earlier][1])

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._groups.clear()
        self.dropped = 0
