"""A real agent, a private pcscd, and cards that count: everything that a stage needs."""

import base64
import http.client
import itertools
import json
import os
import signal
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agent.virtualcard.card import VirtualCard
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.model import CITIZEN_GENERATIONS, MAX_ATTEMPTS, CardData
from agent.virtualcard.operating_system import INS_VERIFY
from agent.virtualcard.pcscd import PrivatePcscd
from agent.virtualcard.personalise import Order, personalise
from agent.virtualcard.vpcd import VpcdConnection
from tests.bench.cards import DOCUMENT, PIN
from tests.bench.daemon import Daemon
from tests.soak.table import Stage

NO_END = 90.0  # seconds without an answer, after which a request has no end
PATIENCE = 30.0  # seconds for the agent to see what was done to the readers
SETTLE = 10.0  # seconds in which descriptors and threads of a stage may go
SITES = tuple(f"https://site{number}.example" for number in range(40))
"""So many that none meets the limit of its rate."""
WARM_UP = 10  # signatures of each card
_LOOK = 0.02  # seconds


class CountingCard(VirtualCard):
    """A virtual card that counts the PINs it was sent."""

    def __init__(self, data: CardData) -> None:
        super().__init__(data)
        self.verifies = 0

    def process(self, command: bytes) -> bytes:
        """Answer, and count a VERIFY of either generation."""
        if len(command) > 1 and command[1] == INS_VERIFY:
            self.verifies += 1
        return super().process(command)


class EndlessError(Exception):
    """A request was not answered in time."""


class Site:
    """A page of one site, with a connection of its own."""

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        self._connection = http.client.HTTPSConnection(
            "localhost", port, context=trust, timeout=NO_END
        )

    def call(self, site: str, method: str, **params: Any) -> dict[str, Any]:
        """Send one request; return its result, or its error with the code in ``code``.

        Raises:
            EndlessError: there was no answer in time.

        """
        headers = {"Content-Type": "application/json", "Origin": site}
        body = json.dumps({"id": 1, "method": method, "params": params})
        try:
            self._connection.request("POST", f"/v1/{method}", body, headers)
            answer = json.loads(self._connection.getresponse().read())
        except TimeoutError as error:
            self._connection.close()
            raise EndlessError from error
        result: dict[str, Any] = answer.get("result") or answer["error"]
        return result

    def sign(self, site: str, reader: str) -> str | None:
        """Sign once; return the code of the error, None if there is a signature."""
        answer = self.call(
            site,
            "sign",
            data=base64.b64encode(DOCUMENT).decode(),
            hash="SHA-256",
            format="cms",
            reader=reader,
            pin=PIN,
        )
        return None if "signature" in answer else str(answer["code"])

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class Stand:
    """One agent with a reader for each generation; a context manager."""

    def __init__(self, folder: Path) -> None:
        """Issue the cards; ``folder`` is for the agent's files."""
        self._folder = folder
        self._stack = ExitStack()
        issuer = TestIssuer.create(key_size=2048)
        self.cards = [
            CountingCard(
                personalise(Order(each, "王測試", generate_id_number(0), PIN.encode()), issuer)
            )
            for each in CITIZEN_GENERATIONS
        ]
        self._doors: dict[int, VpcdConnection] = {}

    def __enter__(self) -> Self:
        with self._stack:
            self.pcscd = self._stack.enter_context(PrivatePcscd())
            for slot in range(len(self.cards)):
                self.put_in(slot)
                self._stack.callback(self.pull, slot)
            environment = self.pcscd.environment()
            daemon = Daemon(self._folder, None, environment=environment)
            self._daemon = self._stack.enter_context(daemon)
            self._trust = ssl.create_default_context(cafile=self._folder / "tls" / "authority.pem")
            self.await_cards(0, 1)
            self._warm_up()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def readers(self) -> tuple[str, str]:
        """The names of the two readers."""
        return self.pcscd.readers

    def _warm_up(self) -> None:
        """Use everything once, so that what is loaded late does not look like growth."""
        stage = Stage("warm-up")
        with self.site() as site:
            for slot in (0, 1) * WARM_UP:
                self.sign(stage, site, SITES[0], slot)

    # A hand.

    def put_in(self, slot: int) -> None:
        """Put a card into its reader."""
        door = VpcdConnection(self.cards[slot], "127.0.0.1", self.pcscd.ports[slot])
        door.start()
        self._doors[slot] = door

    def pull(self, slot: int) -> None:
        """Pull a card out, if it is in."""
        door = self._doors.pop(slot, None)
        if door is not None:
            door.remove()

    def end_service(self, *, kill: bool) -> None:
        """End the PC/SC daemon, as a crash does or in good order."""
        self.pcscd.halt(kill=kill)
        for slot in range(len(self.cards)):
            self.pull(slot)

    def start_service(self) -> None:
        """Start the PC/SC daemon again, with both cards."""
        self.pcscd.restart()
        for slot in range(len(self.cards)):
            self.put_in(slot)

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """Stop the agent's process, as a suspended computer does, and let it go on."""
        os.kill(self._daemon.process_id, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._daemon.process_id, signal.SIGCONT)

    # What the agent sees.

    @contextmanager
    def site(self) -> Iterator[Site]:
        """Connect to the agent."""
        site = Site(self._daemon.port, self._trust)
        try:
            yield site
        finally:
            site.close()

    def await_cards(self, *slots: int) -> None:
        """Wait until the agent tells of cards in exactly these readers.

        Raises:
            TimeoutError: it does not.

        """
        wanted = {self.readers[slot] for slot in slots}
        deadline = time.monotonic() + PATIENCE
        with self.site() as site:
            for name in itertools.cycle(SITES):
                readers = site.call(name, "readers").get("readers")
                if readers is not None and wanted == {
                    each["name"] for each in readers if each["state"] == "card"
                }:
                    return
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the agent sees {readers}")
                time.sleep(_LOOK)

    # What was measured.

    def memory(self) -> int:
        """Return the resident memory of the agent, in bytes."""
        megabytes = self._daemon.memory()
        return 0 if megabytes is None else int(megabytes * 1e6)

    def descriptors(self) -> int:
        """Return how many files the agent has open."""
        return _entries(self._daemon.process_id, "fd")

    def threads(self) -> int:
        """Return how many threads the agent has."""
        return _entries(self._daemon.process_id, "task")

    def verifies(self) -> int:
        """Return how many PINs the cards were sent so far."""
        return sum(card.verifies for card in self.cards)

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Count a stage: what its requests cost, and what is left of it in the agent."""
        stage = Stage(name)
        verifies = self.verifies()
        before = self.descriptors(), self.threads()
        yield stage
        deadline = time.monotonic() + SETTLE
        while time.monotonic() < deadline and self.descriptors() > before[0]:
            time.sleep(_LOOK)
        stage.descriptors = before[0], self.descriptors()
        stage.threads = before[1], self.threads()
        stage.verifies = self.verifies() - verifies
        stage.lost = sum(MAX_ATTEMPTS - card.data.attempts_left for card in self.cards)

    def sign(self, stage: Stage, site: Site, name: str, slot: int) -> str | None:
        """Sign once and count it, where no other request uses the card; return the code."""
        card = self.cards[slot]
        before = card.verifies
        stage.signatures += 1
        try:
            code = site.sign(name, self.readers[slot])
        except EndlessError:
            stage.count_endless()
            return "no end"
        stage.count(code)
        stage.most_verifies = max(stage.most_verifies, card.verifies - before)
        return code


def _entries(process_id: int, folder: str) -> int:
    return sum(1 for _ in Path("/proc", str(process_id), folder).iterdir())


def run_in_threads(actions: list[Callable[[], None]]) -> None:
    """Run everything at once and wait for all.

    Raises:
        RuntimeError: one raised.

    """
    failures: list[BaseException] = []

    def run(action: Callable[[], None]) -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001  # raised again below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError("a thread of the stage failed") from failures[0]
