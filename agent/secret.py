"""Secrets that wipe themselves.

Python cannot promise secure memory: what this class does promise is that it makes no copy of its
own, prints nothing, and zeroes its one buffer when it is done.
"""

import ctypes
import sys
from types import TracebackType
from typing import Final, Self

# PyBytesObject, Include/cpython/bytesobject.h: the content, and a zero byte, end the object.
_HEADER: Final = bytes.__basicsize__ - 1


def wipe(buffer: bytearray) -> None:
    """Zero a buffer in place; its length stays."""
    buffer[:] = bytes(len(buffer))


def wipe_received(data: bytes) -> None:
    """Zero an immutable object into which a library received a secret; CPython only.

    Args:
        data: made at run time from what came in, of which the caller has the last reference. Short
            ones (a single byte, nothing) are shared by the interpreter and stay as they are.

    """
    if len(data) > 1 and sys.implementation.name == "cpython":
        ctypes.memset(id(data) + _HEADER, 0, len(data))


class SecretBytes:
    """One mutable buffer with a secret in it; a context manager that zeroes it on leaving.

    There is no ``__bytes__`` and no ``__str__`` with content: whoever needs the octets works on
    :attr:`buffer` in place and copies slice by slice into another buffer that is wiped too.
    """

    __slots__ = ("_buffer", "_wiped")

    def __init__(self, buffer: bytearray) -> None:
        """Take ownership of ``buffer``; the caller keeps no other reference."""
        self._buffer = buffer
        self._wiped = False

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Encode ``text`` as UTF-8.

        The str itself cannot be wiped: only for a secret that arrived as text already (JSON from
        a page, a command line's standard input).
        """
        return cls(bytearray(text, "utf-8"))

    @property
    def buffer(self) -> bytearray:
        """The secret itself, not a copy."""
        return self._buffer

    @property
    def wiped(self) -> bool:
        """Whether the secret is gone, or going: true before the first byte is zero."""
        return self._wiped

    def wipe(self) -> None:
        """Zero the buffer in place; the length stays, so that it may be called twice."""
        self._wiped = True
        wipe(self._buffer)

    def __len__(self) -> int:
        return len(self._buffer)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretBytes):
            return NotImplemented
        from hmac import compare_digest  # noqa: PLC0415  # OpenSSL, for which few windows have use

        return compare_digest(self._buffer, other.buffer)

    __hash__ = None  # type: ignore[assignment]  # a secret is never a key of a dict

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return f"SecretBytes({len(self._buffer)})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is not pickled")
