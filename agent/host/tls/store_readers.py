"""Which running browsers read a store before it was changed, as a step of the manifest keeps it."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta, Struct

from agent.host.machine.processes import RunningProcess
from agent.host.tls.browsers import Browsers, RunningBrowser
from agent.host.tls.manifest import READERS

_MAX_READERS: Final = 256


class _Reader(Struct, frozen=True):
    """A browser's main process."""

    pid: int
    started: int
    name: Annotated[str, Meta(max_length=64)]


class StoreReaders(Struct, frozen=True):
    """Browsers that have read a store as it was.

    Attributes:
        boot: the run of the kernel that the processes belong to.
        processes: of the browsers.

    """

    boot: str = ""
    processes: Annotated[tuple[_Reader, ...], Meta(max_length=_MAX_READERS)] = ()

    @classmethod
    def of(cls, browsers: Browsers, found: Iterable[RunningBrowser]) -> Self:
        """Describe running browsers."""
        readers = [
            _Reader(each.process.pid, each.process.started, each.name[:64]) for each in found
        ]
        return cls(browsers.table.boot(), tuple(readers[:_MAX_READERS]))

    @classmethod
    def in_facts(cls, facts: Mapping[str, str]) -> Self:
        """Read them from a step's facts; none where they say nothing that can be understood."""
        try:
            return msgspec.json.decode(facts.get(READERS, "{}"), type=cls)
        except (ValueError, RecursionError):
            return cls()

    def encoded(self) -> str:
        """Return them as the fact's text."""
        return msgspec.json.encode(self).decode()

    def still_running(self, browsers: Browsers) -> list[str]:
        """Return the names of those that have not ended since."""
        if not self.processes or browsers.table.boot() != self.boot:
            return []
        return [
            each.name
            for each in self.processes
            if browsers.table.is_running(RunningProcess(each.pid, each.started))
        ]
