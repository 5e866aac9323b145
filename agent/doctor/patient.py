"""What is examined: everything that the checks look at, gathered by whoever asks for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agent.host.machine.paths import Paths
from agent.host.settings.policy import Policy
from agent.host.tls.machine import Machine
from agent.host.tls.trust import Trust


@dataclass(frozen=True, kw_only=True, slots=True)
class ReaderFacts:
    """One reader and what is in it.

    Attributes:
        name: as PC/SC has it.
        state: empty, card, mute or unsupported.
        generation: of the card, where known.
        attempts_left: PIN tries, where known.
        not_before: of the signing certificate, where it could be read.
        not_after: likewise.
        problem: an error code, where the card could not be read.
        keypad: whether the reader has one.

    """

    name: str
    state: str
    generation: str | None = None
    attempts_left: int | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    problem: str | None = None
    keypad: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CardFacts:
    """The smart-card side.

    Attributes:
        virtual: whether the readers are virtual.
        service_available: whether PC/SC answers.
        readers: all of them.

    """

    virtual: bool
    service_available: bool
    readers: Sequence[ReaderFacts] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryFacts:
    """What a walk along the history's chain found.

    Attributes:
        lines: how many there are.
        breaks: the number of the line in which each break shows, in their order; not all of very
            many.
        count: how many breaks there are.

    """

    lines: int
    breaks: Sequence[int] = ()
    count: int = 0


def _nobody(port: int) -> str | None:
    del port
    return None


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Patient:
    """One installation on one computer.

    Attributes:
        paths: its files.
        machine: the computer.
        cards: the smart-card side; None where it was not looked at.
        history: the record of what the cards did; None where it could not be read.
        policy: the administrator's.
        now: the time, with a time zone.
        port_owner: names the program that listens on a port.
        versions: of the program and its parts, by name.

    """

    paths: Paths
    machine: Machine = field(default_factory=Machine)
    cards: CardFacts | None = None
    history: HistoryFacts | None = None
    policy: Policy = field(default_factory=Policy)
    now: datetime = field(default_factory=_now)
    port_owner: Callable[[int], str | None] = _nobody
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def trust(self) -> Trust:
        """The trust stores."""
        return Trust(self.paths.trust, self.machine)
