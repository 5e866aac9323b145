"""A whole agent on free ports, in a thread of its own: a browser's test needs its own thread."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent.commands import citizen
from agent.commands.daemon import Daemon, DaemonOptions, Observer, opened
from agent.consent.site_store import Decision
from agent.origin import Origin
from agent.signing.model import CardPresence, Snapshot
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.browser.jrsys.windows import SECONDS, Windows

READER = READER_NAME.format(0)
INS_VERIFY = 0x20


class _Watch(Observer):
    """Tells other threads what the agent tells."""

    def __init__(self) -> None:
        self.facts: Future[dict[str, Any]] = Future()
        self._readers: list[CardPresence] = []
        self._changed = threading.Condition()

    def ready(self, facts: dict[str, Any]) -> None:
        self.facts.set_result(facts)

    def changed(self, snapshot: Snapshot) -> None:
        with self._changed:
            self._readers = [each.state for each in snapshot.readers]
            self._changed.notify_all()

    def wait_for(self, *readers: CardPresence) -> None:
        """Wait until the agent sees these readers."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._readers == list(readers), SECONDS)


@dataclass
class OwnAgent:
    """The agent, the hand at its one reader, and the citizen at its windows.

    Attributes:
        authority: the certificate that a browser has to trust.
        plain: its first port without TLS for these pages.
        tls: its first port with TLS, likewise.

    """

    daemon: Daemon
    provider: VirtualProvider
    windows: Windows
    facts: dict[str, Any]
    watch: _Watch
    card: VirtualCard | None = field(default=None)

    @property
    def authority(self) -> Path:
        return self.daemon.paths.tls / "authority.pem"

    @property
    def plain(self) -> int:
        return int(self.facts["jrsys_ports"][0])

    @property
    def tls(self) -> int:
        return int(self.facts["jrsys_tls_ports"][0])

    @property
    def verifies(self) -> int:
        """How many PINs the card was sent since it was put in."""
        assert self.card is not None
        return sum(command[1] == INS_VERIFY for command, _ in self.card.trace.exchanges)

    @property
    def tries(self) -> int:
        """PIN attempts that the card has left."""
        assert self.card is not None
        return self.card.data.attempts_left

    def put(self, card: VirtualCard, *, known: bool = True) -> None:
        """Put a card in for the one that is there; ``known`` is whether its counter is."""
        self.pull()
        if known:
            self.daemon.attempts.write(card.data.serial, card.data.attempts_left)
        card.trace.recording = True
        self.provider.insert(READER, card)
        self.watch.wait_for(CardPresence.CARD)
        self.card = card

    def pull(self) -> None:
        """Leave the reader empty."""
        if self.provider.remove(READER) is not None:
            self.watch.wait_for(CardPresence.EMPTY)

    def block(self, site: str) -> None:
        """Say no to a site for good, as in the panel."""
        store = self.daemon.citizen.store
        assert store is not None
        store.remember(Origin.parse(site), Decision.BLOCKED).result(SECONDS)

    @contextmanager
    def no_reader(self) -> Iterator[None]:
        """Unplug the reader for a while."""
        self.pull()
        self.provider.remove_reader(READER)
        self.watch.wait_for()
        try:
            yield
        finally:
            self.provider.add_reader(READER)
            self.watch.wait_for(CardPresence.EMPTY)


@contextmanager
def own_agent(state: Path) -> Iterator[OwnAgent]:
    """Run an agent with one empty reader and windows that a test answers."""
    windows, provider, watch = Windows(), VirtualProvider(readers=1), _Watch()
    ports = {"port": 0, "hipki_port": 0, "jrsys_ports": (0, 0), "jrsys_tls_ports": (0, 0)}
    flags = {**ports, "consent": "ask"}
    options = DaemonOptions(make_provider=lambda: provider, state_dir=state, flags=flags)
    loop, stopped = asyncio.new_event_loop(), asyncio.Event()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(citizen, "ProcessPrompter", lambda *_, **__: windows)
        with opened(options) as daemon:
            patch.undo()
            run = daemon.run(stopped, watch)
            thread = threading.Thread(target=loop.run_until_complete, args=(run,), name="agent")
            thread.start()
            try:
                facts = watch.facts.result(SECONDS)
                yield OwnAgent(daemon, provider, windows, facts, watch)
            finally:
                loop.call_soon_threadsafe(stopped.set)
                thread.join(SECONDS)
                loop.close()
