"""What a target is: a module of ``tests/fuzz/targets`` with one parser of octets from outside.

A module has ``one(data)``, which reads the octets to the end and returns what they say in short;
``REFUSALS``, the errors by which its parser says no; and ``seeds()``, good octets with what
``one`` returns for them. Whatever else ``one`` raises, and whatever takes long, is a fault.
"""

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Protocol, cast

FOLDER: Final = Path(__file__).with_name("targets")
CORPUS: Final = Path(__file__).with_name("corpus")
CRASHES: Final = Path(__file__).with_name("crashes")
NAMES: Final = tuple(sorted(path.stem for path in FOLDER.glob("*.py")))
LONGEST: Final = 4096
"""Octets of an input that a target gets where it does not say otherwise."""


class Target(Protocol):
    """A module of ``targets``.

    Attributes:
        REFUSALS: the parser's own errors; none of them for a parser that refuses by what it
            returns.

    """

    REFUSALS: tuple[type[Exception], ...]

    def one(self, data: bytes) -> Any:
        """Read ``data``; return what it says, in short."""

    def seeds(self) -> Iterable[tuple[bytes, Any]]:
        """Yield good octets, and what :meth:`one` returns for them."""


def load(name: str) -> Target:
    return cast("Target", importlib.import_module(f"tests.fuzz.targets.{name}"))


def words_of(target: Target) -> tuple[bytes, ...]:
    """Return what means something to the parser, for a fuzzer's dictionary."""
    return tuple(getattr(target, "WORDS", ()))


def longest_of(target: Target) -> int:
    return int(getattr(target, "LONGEST", LONGEST))


def is_taken(target: Target, data: bytes) -> bool:
    """Read octets; return whether they are taken and not refused. A crash goes through."""
    try:
        target.one(data)
    except target.REFUSALS:
        return False
    return True


def kept(name: str) -> list[Path]:
    """List the inputs of a target that are committed: its corpus, and what once crashed it."""
    folders = (CORPUS / name, CRASHES / name)
    return sorted(path for folder in folders for path in folder.glob("*") if path.is_file())
