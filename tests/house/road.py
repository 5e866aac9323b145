"""The road of one signature, measured while a virtual card makes it for a page over HTTPS."""

import asyncio
import base64
import hashlib
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any
from unittest.mock import patch

import aiohttp

from agent.consent.consent import AlwaysAllow
from agent.errors import ErrorCode
from agent.history.store import History
from agent.host.settings.config import Settings
from agent.host.tls import identity
from agent.origin import Origin
from agent.secret import SecretBytes
from agent.signing.readers import Readers
from agent.signing.service import SigningService
from agent.signing.sign_task import SignTask
from agent.transport.chaining import ApduChannel
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.model import CITIZEN_GENERATIONS, Generation
from agent.virtualcard.personalise import Order, personalise
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from agent.web.ports import ServerConfig, serve

SITE = "https://portal.example"
CONTENT = b"what is signed when the road is measured"
PIN = "123456"
ALGORITHMS = ("sha1", "sha256", "sha384", "sha512")


def figures() -> dict[str, float]:
    """Sign with a card of each generation; the higher figure counts."""
    with TemporaryDirectory(prefix="ankong-house-") as folder:
        roads = [
            asyncio.run(_measure(Path(folder), generation)) for generation in CITIZEN_GENERATIONS
        ]
    return {name: max(road[name] for road in roads) for name in roads[0]}


async def _measure(folder: Path, generation: Generation) -> dict[str, float]:
    async with _agent(folder, generation) as post:
        with noted() as page_pin:
            await post({"pin": PIN})
        with noted() as typed_pin:
            await post({})
    return {
        "frames when the digest is prepared": page_pin.frames["prepare"],
        "frames at VERIFY": page_pin.frames["send_secret"] + 1,  # the connection's own
        "climbs from a driver back to its user": page_pin.climbs + typed_pin.climbs,
        "packages on the PIN's way to VERIFY": len(set(map(_package, page_pin.way))),
        "modules on the PIN's way to VERIFY": len(set(page_pin.way)),
        "turns back on the PIN's way to VERIFY": turns_back(page_pin.way),
        "times that a POST asks whether the site is allowed": max(page_pin.asked, typed_pin.asked),
        "times that a POST parses an origin": max(page_pin.parsed, typed_pin.parsed),
        "times that a POST hashes the document": max(page_pin.hashed, typed_pin.hashed),
    }


class _Citizen:
    """Types the PIN in where no page handed it over."""

    def can_ask(self) -> bool:
        """Return True: somebody sits there."""
        return True

    def pin_unasked(self) -> ErrorCode:
        """Tell that no window opens."""
        return ErrorCode.WINDOW_UNAVAILABLE

    async def ask(self, prompt: Any) -> Any:
        """Answer the one window that a signature opens."""
        del prompt
        return SecretBytes.from_text(PIN)


Post = Callable[[dict[str, str]], Any]


@asynccontextmanager
async def _agent(folder: Path, generation: Generation) -> AsyncIterator[Post]:
    """Run an agent with one card, and return what posts a document of a site to be signed."""
    provider = VirtualProvider()
    order = Order(generation, "王測試", generate_id_number(0), PIN.encode())
    issuer = TestIssuer.create(key_size=2048)
    provider.insert(READER_NAME.format(0), VirtualCard(personalise(order, issuer)))
    served = await asyncio.to_thread(identity.ensure, folder)
    trust = ssl.create_default_context(cafile=str(served.authority))
    with closing(History(folder / f"{generation}.sqlite")) as history:
        service = SigningService(provider, AlwaysAllow(), prompter=_Citizen(), history=history)
        await service.start()
        settings = Settings(port=0, hipki_port=0)
        config = ServerConfig(tls=identity.server_context(served), settings=settings)
        serving = await serve(config, service)
        connector = aiohttp.TCPConnector(ssl=trust)
        try:
            async with aiohttp.ClientSession(connector=connector) as http:

                async def post(more: dict[str, str]) -> None:
                    data = base64.b64encode(CONTENT).decode()
                    wanted = {"data": data, "hash": "SHA-256", "format": "cms"}
                    body = {"method": "sign", "params": {**wanted, **more}}
                    url = f"https://localhost:{serving.port}/v1/sign"
                    async with http.post(url, json=body, headers={"Origin": SITE}) as answer:
                        if answer.status != 200:
                            raise AssertionError(await answer.text())

                yield post
        finally:
            await serving.close()
            await service.close()


def turns_back(way: Sequence[str]) -> int:
    """Count how often a way comes back to a module that it has left.

    Args:
        way: the module of each function on the stack that was given the PIN as an argument,
            the outermost first: those of the event loop when the work is handed to the reader's
            thread, then those of that thread when the VERIFY is sent.

    """
    stays = [module for module, _ in groupby(way)]
    return len(stays) - len(set(stays))


@dataclass
class Notes:
    """What was seen on the way.

    Attributes:
        frames: of the agent on the reader's thread, when a method of that name begins.
        way: the modules on the PIN's way (see :func:`turns_back`).
        climbs: frames of the use case that a driver's frame stands outside of.
        asked: how often the consent was asked whether the site is allowed.
        parsed: how often a text became an origin.
        hashed: how often the document was hashed, with hashlib.

    """

    frames: dict[str, int] = field(default_factory=dict)
    way: list[str] = field(default_factory=list)
    climbs: int = 0
    asked: int = 0
    parsed: int = 0
    hashed: int = 0

    def look(self, name: str) -> None:
        """Look at the stack of this thread, at the beginning of a method."""
        modules = [_module(each) for each in _frames(sys._getframe())]
        self.frames[name] = len(modules) + 1
        self.climbs += climbs(modules)

    def follow_pin(self) -> None:
        """Add the modules of this thread's frames that were given a secret."""
        self.way += [
            _module(frame)
            for frame in _frames(sys._getframe())
            if any(isinstance(each, SecretBytes) for each in _arguments(frame))
        ]

    def ask(self, *_: object) -> None:
        """Count a question whether the site is allowed."""
        self.asked += 1

    def parse(self, *_: object) -> None:
        """Count a text that becomes an origin."""
        self.parsed += 1

    def hash(self, *arguments: object) -> None:
        """Count a hashing, if it is the document that is hashed."""
        self.hashed += CONTENT in arguments

    def verify(self, *_: object) -> None:
        """Look at the stack that sends the PIN."""
        self.look("send_secret")
        self.follow_pin()
        self.way.append(ApduChannel.__module__)


def climbs(modules: Sequence[str]) -> int:
    """Count the modules of the use case that stand inside a driver's, the outermost first."""
    found = 0
    in_driver = False
    for module in modules:
        in_driver = in_driver or module.startswith("agent.cards.")
        found += in_driver and module.startswith("agent.signing.")
    return found


@contextmanager
def noted() -> Iterator[Notes]:
    """Note what happens in this process, for as long as the context lasts."""
    notes = Notes()
    with ExitStack() as stack:
        for owner, name, note in (
            (SignTask, "prepare", lambda *_: notes.look("prepare")),
            (Readers, "run", lambda *_: notes.follow_pin()),
            (ApduChannel, "send_secret", notes.verify),
            (AlwaysAllow, "is_allowed", notes.ask),
            (Origin, "parse", notes.parse),
        ):
            stack.enter_context(_before(owner, name, note))
        for name in ("new", *ALGORITHMS):
            stack.enter_context(_counted(name, notes))
        yield notes


class _Hasher:
    """A hash object of hashlib's that notes what goes into it."""

    def __init__(self, hasher: Any, notes: Notes) -> None:
        self._hasher = hasher
        self._notes = notes

    def update(self, data: Any) -> None:
        self._notes.hash(data)
        self._hasher.update(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hasher, name)


@contextmanager
def _counted(name: str, notes: Notes) -> Iterator[None]:
    """Note what a function of hashlib is given, at once or piece by piece."""
    make = getattr(hashlib, name)

    def call(*arguments: Any, **named: Any) -> _Hasher:
        notes.hash(*arguments)
        return _Hasher(make(*arguments, **named), notes)

    with patch.object(hashlib, name, call):
        yield


@contextmanager
def _before(owner: Any, name: str, note: Callable[..., None]) -> Iterator[None]:
    """Call ``note`` with the arguments of each call of a function, before it."""
    method = getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        note(*arguments)
        return method(*arguments, **named)

    with patch.object(owner, name, call):
        yield


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the agent's frames of a stack, the outermost first."""
    found = []
    while frame is not None:
        if _module(frame).startswith("agent."):
            found.append(frame)
        frame = frame.f_back
    return reversed(found)


def _package(module: str) -> str:
    return module.rpartition(".")[0]


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))


def _arguments(frame: FrameType) -> Iterator[object]:
    code = frame.f_code
    for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        yield frame.f_locals.get(name)
