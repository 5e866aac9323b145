"""One cell of the matrix: one request during which one command goes wrong, and who judges it."""

import asyncio
import selectors
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum, unique
from functools import lru_cache, partial
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from structlog.testing import capture_logs

from agent.cms.document import Document
from agent.cms.errors import CmsError
from agent.cms.verify import verify
from agent.consent.consent import AlwaysAllow
from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.secret import SecretBytes
from agent.signing.model import (
    CardCertificate,
    CardPresence,
    DecryptFormat,
    DecryptionRequest,
    SignatureRequest,
    SignatureResult,
)
from agent.signing.service import SigningService
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.model import ID_KEYX, ID_SIGN, MAX_ATTEMPTS, CardData, Generation
from agent.virtualcard.personalise import Order, personalise
from agent.virtualcard.rsa_key import RsaKey
from tests.faults.card import FaultyCard
from tests.faults.doors import Door
from tests.faults.kinds import DAEMON_KINDS, KINDS, SUCCESS

T = TypeVar("T")

OK: Final = "ok"
SITE: Final = Origin.parse("https://portal.example")
PIN: Final = "123456"
SECRET: Final = b"a message for the card"
LONGER_THAN_ANY_WAIT: Final = 1000.0  # seconds; what a card is waited for at most is less
QUEUED_AFTER: Final = 0.2  # seconds; by then a request is in the queue of its reader
PATIENCE: Final = 30.0  # seconds for the agent to see a card that was put back


MISREAD_CERTIFICATE: Final = "the certificate is the key's, but not the card's"
"""Nothing but a second reading shows it where the issuer of the certificate is not known, and a
first signature has no time for one. A listing reads all anew and has to find it."""
MISREAD_NUMBER: Final = "the number is not the card's"
"""Likewise, for a card that was not used since it was put in. The next request has to find it."""


@unique
class Operation(StrEnum):
    """What is asked of the agent."""

    LIST = "list"
    SIGN = "sign"
    DECRYPT = "decrypt"
    BATCH = "batch"

    @property
    def signatures(self) -> int:
        """How often the private key is used, and with it a VERIFY."""
        return {Operation.LIST: 0, Operation.BATCH: 2}.get(self, 1)


@unique
class Sight(StrEnum):
    """What the agent knows of a card when the request comes."""

    UNKNOWN = "unknown"  # its answer to reset says nothing: it is asked which it is
    FIRST = "first"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Row:
    """A request without a fault.

    Attributes:
        generation: of the card.
        operation: what is asked.
        sight: what the agent knows of the card.

    """

    generation: Generation
    operation: Operation
    sight: Sight

    @property
    def remembered(self) -> bool:
        """Whether the agent has read the card before."""
        return self.sight is Sight.AGAIN

    def __str__(self) -> str:
        return f"{self.generation} {self.operation} {self.sight}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault at one command of a request.

    Attributes:
        row: the request.
        kind: the name of the fault.
        index: of the command, the first being 1.

    """

    row: Row
    kind: str
    index: int

    def __str__(self) -> str:
        return f"{self.row} · {self.kind} · command {self.index}"


@dataclass(slots=True)
class Outcome:
    """What became of a cell; it has survived if nothing is wrong.

    Attributes:
        code: the answer under the fault: "ok", or an error code.
        verifies: how many VERIFY were sent under the fault.
        attempts_lost: PIN attempts that the card counted off.
        misread: whether the first signature came with something that could not be seen to be
            misread.
        wrong: what a judge has to say, in words.

    """

    code: str = ""
    verifies: int = 0
    attempts_lost: int = 0
    misread: bool = False
    wrong: list[str] = field(default_factory=list)


class SteppingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be put forward, so that no timeout has to be waited for."""

    def __init__(self) -> None:
        super().__init__(selectors.DefaultSelector())
        self._ahead = 0.0

    def time(self) -> float:
        """Return the time that timeouts go by, in seconds."""
        return super().time() + self._ahead

    def step(self, seconds: float) -> None:
        """Put the clock forward."""
        self._ahead += seconds


@lru_cache(maxsize=1)
def _issuer() -> TestIssuer:
    return TestIssuer.create(key_size=2048)


@lru_cache(maxsize=2)
def card_data(generation: Generation) -> CardData:
    """Return the contents of the card that all cells of a generation are played with."""
    order = Order(generation, "王測試", generate_id_number(0), PIN.encode())
    return personalise(order, _issuer(), (RsaKey.generate(), RsaKey.generate()))


@lru_cache(maxsize=2)
def _cryptogram(generation: Generation) -> bytes:
    data = card_data(generation)
    (key,) = (each.key for each in data.keys if each.id == ID_KEYX)
    return key.public_key.encrypt(SECRET, PKCS1v15())


class Table:
    """A card in a reader, an agent that watches it, and a hand that puts it back."""

    def __init__(self, row: Row, door: Door) -> None:
        self.generation = row.generation
        self.card = door.lay(card_data(row.generation), nameless=row.sight is Sight.UNKNOWN)
        self.service = SigningService(door.provider(), AlwaysAllow())
        self._door = door

    async def ask(self, operation: Operation) -> str:
        """Make a request and judge the answer; return "" where it is right.

        Raises:
            AgentError: that is the answer.

        """
        return await _REQUESTS[operation](self)

    async def await_card(self, present: bool = True) -> None:
        """Wait until the agent sees a card, or that there is none."""
        async with self.service.subscribe() as events, asyncio.timeout(PATIENCE):
            while self._has_card() is not present:
                await events.get()

    def _has_card(self) -> bool:
        views = self.service.snapshot().readers
        return any(v.name == self._door.reader and v.state is not CardPresence.EMPTY for v in views)

    async def put_back(self) -> None:
        """Put the card back if it was pulled, and wait until the agent knows."""
        if self._door.is_pulled():
            await self.await_card(present=False)
            await asyncio.to_thread(self._door.put_back)
            await self.await_card()

    async def settle(self) -> None:
        """Wait until nothing of an earlier request is under way."""
        readers = self.service._readers
        if self._door.reader in readers._workers:
            await asyncio.wrap_future(readers._worker(self._door.reader).submit(lambda: None))

    async def list_all(self) -> str:
        """Ask for all certificates."""
        listing = await self.service.certificates(SITE)
        found = [_facts(item) for item in listing.certificates]
        data = self.card.data
        wanted = [(c.id.decode(), c.label, c.der, data.serial) for c in data.certificates]
        if sorted(found) == sorted(wanted):
            return ""
        return f"{len(found)} certificates that are not the card's {len(wanted)}"

    async def sign(self, documents: int = 1) -> str:
        """Ask for signatures."""
        texts = [f"document {number}".encode() for number in range(documents)]
        request = SignatureRequest(tuple(Document(data=text) for text in texts))
        result = await self.service.sign(SITE, request, SecretBytes.from_text(PIN))
        return self._judge_signatures(result, texts)

    def _judge_signatures(self, result: SignatureResult, texts: list[bytes]) -> str:
        try:
            verified = [verify(signature) for signature in result.signatures]
        except CmsError as error:
            return f"a signature does not verify: {error.detail}"
        if [each.content for each in verified] != texts:
            return "another content than was asked for"
        if any(each.certificate != result.certificate.facts.der for each in verified):
            return "another certificate in the signature than beside it"
        data = self.card.data
        (wanted,) = (c for c in data.certificates if c.id == ID_SIGN)
        identifier, label, der, number = _facts(result.certificate)
        if (identifier, label) != ("SIGN", wanted.label):
            return "another name of the certificate"
        if der != wanted.der:
            return MISREAD_CERTIFICATE
        return "" if number == data.serial else MISREAD_NUMBER

    async def decrypt(self) -> str:
        """Ask for a message."""
        request = DecryptionRequest(_cryptogram(self.generation), DecryptFormat.PKCS1)
        plain = await self.service.decrypt(SITE, request, SecretBytes.from_text(PIN))
        return "" if plain == SECRET else "another message"


_REQUESTS: Final[dict[Operation, Callable[[Table], Awaitable[str]]]] = {
    Operation.LIST: Table.list_all,
    Operation.SIGN: Table.sign,
    Operation.DECRYPT: Table.decrypt,
    Operation.BATCH: lambda table: table.sign(2),
}


def _facts(item: CardCertificate) -> tuple[str, str, bytes, str]:
    return item.id, item.label, item.facts.der, item.card_serial


def count_commands(row: Row, door: Door) -> int:
    """Return how many commands a request takes when nothing goes wrong."""

    async def count() -> int:
        async with _laid(row, door) as table:
            await _get_ready(table, row, table.card.listen)
            wrong = await table.ask(row.operation)
            if wrong:
                raise AssertionError(f"{row}: {wrong}")
            return len(table.card.said)

    return _run(count())


def play(cell: Cell, door: Door) -> Outcome:
    """Play one cell, with an agent of its own."""
    outcome = _run(_play(cell, door))
    if outcome.wrong:
        door.abandon()
    return outcome


def _run(playing: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=SteppingLoop) as runner:
        return runner.run(playing)


@asynccontextmanager
async def _laid(row: Row, door: Door) -> AsyncIterator[Table]:
    table = Table(row, door)
    try:
        yield table
    finally:
        table.card.release()
        await table.service.close()


async def _get_ready(table: Table, row: Row, begin: Callable[[], None]) -> None:
    """Start the agent; ``begin`` is called when what the row is about begins."""
    if row.sight is Sight.UNKNOWN:
        begin()
    await table.service.start()
    await table.await_card()
    if row.remembered:
        await table.ask(Operation.LIST)
        await table.ask(row.operation)
    if row.sight is not Sight.UNKNOWN:
        begin()


async def _play(cell: Cell, door: Door) -> Outcome:
    outcome = Outcome()
    async with _laid(cell.row, door) as table:
        await _get_ready(table, cell.row, partial(_order_fault, table, cell))
        with capture_logs() as lines:
            outcome.code = await _answer(table, cell.row.operation, outcome.wrong)
            table.card.release()
            await table.settle()
        outcome.wrong += _judge_failure(outcome.code, lines)
        outcome.verifies = _judge_pins(table.card, cell.row.operation, outcome.wrong)
        await table.put_back()
        for operation in _next_requests(cell.row, outcome):
            outcome.wrong += [f"next {operation}: {w}" for w in await _ask_again(table, operation)]
        outcome.attempts_lost = MAX_ATTEMPTS - table.card.data.attempts_left
        if outcome.attempts_lost:
            outcome.wrong.append(f"{outcome.attempts_lost} attempts are lost")
    return outcome


_OTHER: Final = {
    operation: Operation.SIGN if operation is Operation.LIST else Operation.LIST
    for operation in Operation
}
"""What is asked in the end: what one request remembered wrongly, another one may show."""


def _next_requests(row: Row, outcome: Outcome) -> tuple[Operation, Operation]:
    """Return what is asked after the fault; forgive what a first signature cannot see."""
    operations = row.operation, _OTHER[row.operation]
    misread = [what for what in (MISREAD_CERTIFICATE, MISREAD_NUMBER) if what in outcome.wrong]
    if row.remembered or not misread:
        return operations
    outcome.misread = True
    outcome.wrong = [what for what in outcome.wrong if what not in misread]
    return operations[::-1] if MISREAD_CERTIFICATE in misread else operations


async def _ask_again(table: Table, operation: Operation) -> list[str]:
    """Make a request after the fault; return what is wrong with its answer."""
    table.card.listen()
    wrong: list[str] = []
    code = await _answer(table, operation, wrong)
    if code != OK:
        wrong.append(code)
    _judge_pins(table.card, operation, wrong)
    return wrong


def _order_fault(table: Table, cell: Cell) -> None:
    loop = _stepping_loop()
    table.card.held = lambda: loop.call_soon_threadsafe(loop.step, LONGER_THAN_ANY_WAIT)
    fault = {**KINDS, **DAEMON_KINDS}[cell.kind]
    table.card.arm(fault, cell.index, str(cell))


def _stepping_loop() -> SteppingLoop:
    loop = asyncio.get_running_loop()
    if not isinstance(loop, SteppingLoop):
        raise TypeError("a cell needs a clock that can be put forward")
    return loop


async def _answer(table: Table, operation: Operation, wrong: list[str]) -> str:
    """Make a request and return its code; what is wrong with an answer goes to ``wrong``."""
    if table.card.is_holding:  # since before the request: it waits behind that in vain
        loop = _stepping_loop()
        loop.call_later(QUEUED_AFTER, loop.step, LONGER_THAN_ANY_WAIT)
    try:
        what = await table.ask(operation)
    except AgentError as error:
        return str(error.code)
    except Exception as error:  # noqa: BLE001  # whatever it is: no page should see it
        wrong.append(f"raised {error!r}")
        return "raised"
    if what:
        wrong.append(what)
    return OK


def _judge_failure(code: str, lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with a failure: its code, or what the log says of it."""
    if code == ErrorCode.INTERNAL:
        return ["the card's fault is called ours"]
    if code in (OK, ErrorCode.TIMEOUT):  # whoever gave up waiting knows nothing of the card
        return []
    given_up = [line for line in lines if line.get("decision") == "given up"]
    if not all({"command", "header", "status_word"} <= line.keys() for line in given_up):
        return ["a line of the log that does not say what failed"]
    return [] if len(given_up) == 1 else [f"{len(given_up)} lines of the log for one failure"]


def _judge_pins(card: FaultyCard, operation: Operation, wrong: list[str]) -> int:
    """Return how many VERIFY were sent; what is wrong with them goes to ``wrong``."""
    answers = card.verifies
    if len(answers) > operation.signatures:
        wrong.append(f"{len(answers)} VERIFY for {operation.signatures} signatures")
    if any(answer is None or answer[-2:] != SUCCESS for answer in answers[:-1]):
        wrong.append("a VERIFY after one that was refused")
    return len(answers)
