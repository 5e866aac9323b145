"""Cut single objects out of a long JSON text that is read a piece at a time.

A net log has hundreds of megabytes, and ends in the middle where the browser still writes it or
was killed. What stands between the wanted objects is only walked over: brackets are counted, texts
skipped, and nothing is decoded.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from agent.errors import BadRequestError, TooLargeError

_MIB: Final = 1024 * 1024
MAX_PIECE: Final = 64 * _MIB
"""Bytes of one wanted object, and of what stands between two brackets."""
MAX_DEPTH: Final = 200
MAX_STEPS: Final = 40_000_000
"""Brackets that are looked at one by one: several for each event of the longest net log."""
_READ: Final = _MIB
ELEMENT: Final = "[]"
"""In a path: any element of an array."""

Path = tuple[str, ...]
"""Where in the text something stands: names of members, and :data:`ELEMENT`."""

# Possessive throughout: a text without an end fails at once, and no byte is looked at often.
# What is repeated is atomic, too: Python before 3.11.5 goes on in the wrong place where it fails
# on the way (gh-106052).
_PLAIN: Final = rb'[^"{}\[\]]*+'
_TEXT: Final = rb'(?>"[^"\\]*+(?:(?>\\.[^"\\]*+))*+")'
_FLAT: Final = rb"%b(?:(?>%b%b))*+" % (_PLAIN, _TEXT, _PLAIN)
_TO_BRACKET: Final = re.compile(rb"%b([{}\[\]])" % _FLAT, re.DOTALL)
# Where nothing inside is wanted, brackets that have no others in them are passed over in one step.
_PASSED: Final = rb"(?>%b|\{%b\}|\[%b\])" % (_TEXT, _FLAT, _FLAT)
_TO_DEEP_BRACKET: Final = re.compile(
    rb"%b(?:(?>%b%b))*+([{}\[\]])" % (_PLAIN, _PASSED, _PLAIN), re.DOTALL
)
_NAME_BEFORE: Final = re.compile(rb'"([^"\\]{0,100})"\s{0,100}:\s{0,100}[{\[]\Z')
_LONGEST_NAME: Final = 400  # bytes with what is around it
_OPENING: Final = frozenset(b"{[")
_BRACE: Final = ord("{")


class JsonPieces:
    """The wanted objects of one JSON text.

    Attributes:
        is_whole: whether the text has come to its end; known after the last object.
        opened: the paths on the way to wanted objects that the text has.

    """

    def __init__(self, read: Callable[[int], bytes], *wanted: Path) -> None:
        """Read nothing yet.

        Args:
            read: returns at most so many bytes of the text, and none at its end.
            wanted: where the objects stand that are cut out.

        """
        self.is_whole = False
        self.opened: set[Path] = set()
        self._read = read
        self._wanted = frozenset(wanted)
        self._ways = frozenset(path[:length] for path in wanted for length in range(len(path) + 1))
        self._places: list[Path | None] = []  # of the open brackets, outermost first
        self._buffer = b""
        self._at = 0
        self._start: int | None = None  # of the wanted object that is open

    def objects(self) -> Iterator[tuple[Path, bytes]]:
        """Yield where each wanted object stands, and its bytes, as far as the text goes.

        Raises:
            BadRequestError: brackets do not fit together, or too many are open.
            TooLargeError: an object is longer than :data:`MAX_PIECE`, or there are too many.

        """
        steps = 0
        while True:
            pattern = _TO_BRACKET if self._is_on_the_way else _TO_DEEP_BRACKET
            found = pattern.match(self._buffer, self._at)
            if found is None:
                if not self._fill():
                    return
                continue
            steps += 1
            if steps > MAX_STEPS:
                raise TooLargeError("the file has more entries than are looked at")
            before, self._at = self._at, found.end()
            if self._buffer[self._at - 1] in _OPENING:
                self._open(before)
                continue
            place = self._close()
            if place in self._wanted and self._start is not None:
                yield place, self._buffer[self._start : self._at]
                self._start = None
            if not self._places:
                self.is_whole = True
                return

    @property
    def _is_on_the_way(self) -> bool:
        """Whether something wanted may begin directly in the innermost bracket."""
        return self._start is None and (not self._places or self._places[-1] is not None)

    def _open(self, before: int) -> None:
        """Enter the bracket that ends at the current place; the one before it was at ``before``."""
        place, bracket = self._place(before), self._buffer[self._at - 1]
        if place is not None and self._is_of_use(place, bracket):
            self.opened.add(place)
            if place in self._wanted:
                self._start = self._at - 1
        else:
            place = None
        if len(self._places) >= MAX_DEPTH:
            raise BadRequestError("the file is nested too deeply for a browser's log")
        self._places.append(place)

    def _place(self, before: int) -> Path | None:
        if self._start is not None:
            return None
        if not self._places:
            return ()
        around = self._places[-1]
        if around is None:
            return None
        if (*around, ELEMENT) in self._ways:
            return (*around, ELEMENT)
        from_ = max(before, self._at - _LONGEST_NAME)
        name = _NAME_BEFORE.search(self._buffer, from_, self._at)
        return None if name is None else (*around, name[1].decode("utf-8", "replace"))

    def _is_of_use(self, place: Path, bracket: int) -> bool:
        """Return whether an object or array is a wanted one, or may have one inside."""
        if place in self._wanted:
            return bracket == _BRACE
        is_array = (*place, ELEMENT) in self._ways
        return place in self._ways and is_array == (bracket != _BRACE)

    def _close(self) -> Path | None:
        if not self._places:
            raise BadRequestError("the file is no JSON")
        return self._places.pop()

    def _fill(self) -> bool:
        """Read on; return False at the end. What is done with is forgotten."""
        keep = self._at if self._start is None else self._start
        held = self._buffer[keep:]
        if len(held) > MAX_PIECE:
            raise TooLargeError(f"a single entry is longer than {MAX_PIECE // _MIB} MiB")
        # As much again as is held, so that a long text is not walked over again and again.
        more = self._read(max(_READ, len(held)))
        if self._start is not None:
            self._start = 0
        self._buffer, self._at = held + more, self._at - keep
        return bool(more)
