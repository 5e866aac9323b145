"""A whole agent whose windows a test answers, and every door through which a PIN can come."""

import asyncio
import base64
import io
import json
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar, cast

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_der_x509_certificate

from agent.commands import citizen as citizen_module
from agent.commands import own_service
from agent.commands import sign as sign_module
from agent.commands.daemon import Daemon, DaemonOptions, Observer, opened
from agent.consent.page import QuestionPage
from agent.consent.questions import (
    AllowSite,
    EnterPin,
    LastAttempt,
    NoPrompter,
    Prompt,
    SiteAnswer,
    unshown,
)
from agent.consent.site_store import Decision, SiteStore
from agent.errors import AgentError, ErrorCode, PinError
from agent.origin import LOCAL_PROGRAM, Origin
from agent.secret import SecretBytes
from agent.signing.model import CardPresence, Snapshot
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import ID_KEYX
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from agent.web.hipki.errors import numbers
from agent.web.panel.question_desk import QuestionDesk

A = TypeVar("A")
SITE = "https://portal.example"
READER = READER_NAME.format(0)
RIGHT, WRONG = "123456", "654321"
INS_VERIFY = 0x20


@dataclass
class Windows:
    """Shows no window: answers as the test says, and remembers what was asked.

    Attributes:
        agrees: whether an attempt may be spent.
        pin: what is typed; once, the next PIN window is cancelled.
        opens: whether windows can be shown.
        asked: a short form of each question, such as ``last 1`` or ``pin None``.

    """

    agrees: bool = True
    pin: str = RIGHT
    opens: bool = True
    asked: list[str] = field(default_factory=list)
    _typed: int = 0

    def begin(self, *, agrees: bool = True, pin: str = RIGHT) -> None:
        """Forget what was asked, and answer anew."""
        self.agrees, self.pin, self._typed = agrees, pin, 0
        self.asked.clear()

    def can_ask(self) -> bool:
        return self.opens

    def pin_unasked(self) -> ErrorCode:
        """Tell that no window opens."""
        return ErrorCode.WINDOW_UNAVAILABLE

    async def ask(self, prompt: Prompt[A]) -> A:
        if not self.opens:
            raise unshown(prompt, "no window opens here")
        return cast("A", self.answer(prompt))

    def answer(self, prompt: object) -> object:
        """Answer a question."""
        match prompt:
            case AllowSite():
                self.asked.append("site, one PIN" if prompt.attempts_unknown else "site")
                return SiteAnswer.ALWAYS
            case LastAttempt():
                self.asked.append(f"last {prompt.attempts_left}")
                return self.agrees
            case EnterPin():
                self.asked.append(f"pin {prompt.attempts_left}")
                self._typed += 1
                if self._typed > 1:
                    raise AgentError("closed", code=ErrorCode.USER_CANCELLED)
                return SecretBytes.from_text(self.pin)
            case _:
                self.asked.append("locked")
                return None


@dataclass(frozen=True)
class Told:
    """What a page was told.

    Attributes:
        code: of the error, or the old component's number; None for a signature.
        left: the attempts left, if it was told.

    """

    code: str | int | None
    left: int | None = None


class _Watch(Observer):
    """Tells what the agent tells."""

    def __init__(self) -> None:
        self.facts: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._state = CardPresence.EMPTY
        self._changed = asyncio.Event()

    def ready(self, facts: dict[str, Any]) -> None:
        self.facts.set_result(facts)

    def changed(self, snapshot: Snapshot) -> None:
        self._state = snapshot.readers[0].state
        self._changed.set()

    async def until(self, state: CardPresence) -> None:
        """Wait until the one reader is seen so."""
        while self._state is not state:
            self._changed.clear()
            await self._changed.wait()


@dataclass
class Agent:
    """A running agent with one reader."""

    daemon: Daemon
    provider: VirtualProvider
    windows: Windows
    client: aiohttp.ClientSession
    watch: _Watch
    state: Path
    card: VirtualCard | None = None

    @property
    def port(self) -> int:
        return int(self.watch.facts.result()["port"])

    @property
    def own(self) -> str:
        """Where the old component's protocol is."""
        return f"http://localhost:{self.watch.facts.result()['hipki_port']}"

    async def exchange(self, card: VirtualCard) -> None:
        """Put another card into the reader, and wait until the agent has seen it."""
        self.provider.remove(READER)
        await self.watch.until(CardPresence.EMPTY)
        self.card = card
        card.trace.recording = True
        card.trace.exchanges.clear()
        self.provider.insert(READER, card)
        await self.watch.until(CardPresence.CARD)


_TLS = ssl._create_unverified_context()  # noqa: S323  # whose certificate it is does not matter


@asynccontextmanager
async def agent_in(
    state: Path, windows: Windows, monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> AsyncIterator[Agent]:
    """Run an agent in a folder, with the sites' PINs and windows as the test says.

    With ``questions="page"`` pages of the panel are asked in the windows' place.
    """
    if settings.get("questions") == "page":
        use_pages(windows, monkeypatch)
    else:
        monkeypatch.setattr(citizen_module, "ProcessPrompter", lambda *_, **__: windows)
    provider = VirtualProvider(readers=1)
    flags = {"port": 0, "hipki_port": 0, "consent": "ask", **settings}
    options = DaemonOptions(make_provider=lambda: provider, state_dir=state, flags=flags)
    with opened(options) as daemon:
        stopped, watch = asyncio.Event(), _Watch()
        running = asyncio.create_task(daemon.run(stopped, watch))
        await asyncio.wait((running, watch.facts), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        try:
            async with aiohttp.ClientSession() as client:
                yield Agent(daemon, provider, windows, client, watch, state)
        finally:
            stopped.set()
            await running


def use_pages(windows: Windows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the pages that ask answered as windows are, and no window open."""

    class Desk(QuestionDesk):
        async def ask(self, prompt: Prompt[A], page: QuestionPage) -> A:
            del page
            return await windows.ask(prompt)

    async def describe(*_: object) -> QuestionPage:
        return QuestionPage("en", "", "", alarm=False, parts=(), buttons=())

    monkeypatch.setattr(citizen_module, "QuestionDesk", Desk)
    monkeypatch.setattr(citizen_module, "can_open_browser", lambda: True)
    monkeypatch.setattr(citizen_module, "describe", describe)
    monkeypatch.setattr(citizen_module, "ProcessPrompter", lambda *_, **__: NoPrompter("no window"))


def allow(state: Path, *sites: str) -> None:
    """Let sites be allowed already, by no window of today's."""
    state.mkdir(exist_ok=True)
    with closing(SiteStore(state / "sites.sqlite")) as store:
        for site in (SITE, *sites):
            store.remember(Origin.parse_any(site), Decision.ALLOWED).result()


def allow_all(state: Path) -> None:
    """Allow the page and local programs."""
    allow(state, str(LOCAL_PROGRAM))


def verifies(card: VirtualCard) -> int:
    """Count the PINs that a card was sent since it was put in."""
    return sum(command[1] == INS_VERIFY for command, _ in card.trace.exchanges)


class Door(ABC):
    """A way in which a signature is asked for."""

    name: ClassVar[str]
    is_old: ClassVar[bool] = False
    asks: ClassVar[bool] = True

    def told(self, code: ErrorCode | None, left: int | None = None) -> Told:
        """Say what a page is told of an error."""
        if code is None:
            return Told(None)
        if self.is_old:
            return _old(numbers(PinError("", code=code, attempts_left=left)).fields())
        return Told(str(code), left)

    async def arrive(self, agent: Agent, *, site: str = SITE) -> None:
        """Ask to be allowed, where that has to come first; otherwise do nothing."""
        del agent, site

    @abstractmethod
    async def sign(self, agent: Agent, pin: str | None, *, site: str = SITE) -> Told:
        """Ask for one signature; without a PIN the agent's own window asks for it."""


def _params(pin: str | None) -> dict[str, Any]:
    given = {} if pin is None else {"pin": pin}
    return {"data": "aGVsbG8=", "hash": "SHA-256", "format": "pkcs1", **given}


def _told(answer: dict[str, Any]) -> Told:
    error = answer.get("error")
    return Told(None) if error is None else Told(error["code"], error.get("attempts_left"))


class Http(Door):
    """The native API, one request at a time."""

    name = "http"

    async def arrive(self, agent: Agent, *, site: str = SITE) -> None:
        await self._post(agent, site, "connect", {})

    async def sign(self, agent: Agent, pin: str | None, *, site: str = SITE) -> Told:
        return _told(await self._post(agent, site, "sign", _params(pin)))

    @staticmethod
    async def _post(agent: Agent, site: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
        url = f"https://localhost:{agent.port}/v1/{method}"
        body = {"id": 1, "method": method, "params": params}
        async with agent.client.post(url, json=body, headers={"Origin": site}, ssl=_TLS) as answer:
            told: dict[str, Any] = await answer.json()
            return told


class Login(Http):
    """The native API's login, which uses the same key."""

    name = "login"

    async def sign(self, agent: Agent, pin: str | None, *, site: str = SITE) -> Told:
        given = {} if pin is None else {"pin": pin}
        params = {"challenge": base64.b64encode(bytes(range(32))).decode(), **given}
        return _told(await self._post(agent, site, "authenticate", params))


class Batch(Http):
    """The native API's signatures over several documents, of which there is one."""

    name = "batch"

    async def sign(self, agent: Agent, pin: str | None, *, site: str = SITE) -> Told:
        params = _params(pin)
        params["items"] = [{"data": params.pop("data")}]
        return _told(await self._post(agent, site, "sign_batch", params))


class Decrypt(Http):
    """The native API's decryption, which uses the card's other key."""

    name = "decrypt"

    async def sign(self, agent: Agent, pin: str | None, *, site: str = SITE) -> Told:
        assert agent.card is not None
        (der,) = (each.der for each in agent.card.data.certificates if each.id == ID_KEYX)
        key = load_der_x509_certificate(der).public_key()
        assert isinstance(key, RSAPublicKey)
        given = {} if pin is None else {"pin": pin}
        sealed = base64.b64encode(key.encrypt(b"a secret", PKCS1v15())).decode()
        params = {"data": sealed, "format": "pkcs1", **given}
        return _told(await self._post(agent, site, "decrypt", params))


class Socket(Door):
    """The native API over a socket."""

    name = "socket"

    async def arrive(self, agent: Agent, *, site: str = SITE) -> None:
        await self._send(agent, site, "connect", {})

    async def sign(self, agent: Agent, pin: str | None, *, site: str = SITE) -> Told:
        return _told(await self._send(agent, site, "sign", _params(pin)))

    @staticmethod
    async def _send(agent: Agent, site: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
        url = f"wss://localhost:{agent.port}/v1/socket"
        async with agent.client.ws_connect(
            url, protocols=("ankong.v1",), headers={"Origin": site}, ssl=_TLS
        ) as socket:
            await socket.send_json({"id": 7, "method": method, "params": params})
            while (message := await socket.receive_json()).get("id") != 7:
                pass
            told: dict[str, Any] = message
            return told


def _old(reply: dict[str, Any]) -> Told:
    """Read the old component's two numbers."""
    return Told(None) if reply["ret_code"] == 0 else Told(reply["ret_code"], reply["last_error"])


class Popup(Door):
    """The old component's popup, as its script talks to the agent."""

    name = "popup"
    is_old = True

    async def sign(self, agent: Agent, pin: str | None, *, site: str = SITE) -> Told:
        own = agent.own
        async with agent.client.get(f"{own}/popupForm") as page:
            token = (await page.text()).partition('name="token" content="')[2].partition('"')[0]
        asked = {"func": "MakeSignature", "signatureType": "PKCS1", "hashAlgorithm": "SHA256"}
        # Two popups with the same message would be one request.
        message = json.dumps({**asked, "tbs": token, "pin": pin or RIGHT})
        body = {"token": token, "site": site, "message": message}
        async with agent.client.post(
            f"{own}/popup/request", json=body, headers={"Origin": own}
        ) as answer:
            async for line in answer.content:
                state = json.loads(line)
                if "question" in state:
                    agent.windows.asked.append(f"popup {state['question'].get('attemptsLeft')}")
                    said = {
                        "token": token,
                        "answer": "once" if agent.windows.agrees else "cancel",
                    }
                    await self._say(agent, own, said)
                if "reply" in state:
                    return _old(json.loads(state["reply"]))
        raise AssertionError("the popup got no reply")

    @staticmethod
    async def _say(agent: Agent, own: str, said: dict[str, str]) -> None:
        """Press a button, as soon as the agent believes that somebody has read the question."""
        while True:
            async with agent.client.post(
                f"{own}/popup/answer", json=said, headers={"Origin": own}
            ) as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.05)


class Direct(Door):
    """The old component's own call, without a popup."""

    name = "direct"
    is_old = True

    async def sign(self, agent: Agent, pin: str | None, *, site: str = SITE) -> Told:
        package = {"tbs": "TBS", "hashAlgorithm": "SHA256", "signatureType": "PKCS1"}
        data = {"tbsPackage": json.dumps({**package, "pin": pin or RIGHT})}
        async with agent.client.post(
            f"{agent.own}/sign", data=data, headers={"Origin": site}
        ) as answer:
            return _old(await answer.json(content_type=None))


class CommandLine(Door):
    """``ankong sign``: the citizen types, and nobody else is asked."""

    name = "command line"
    asks = False

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    async def sign(self, agent: Agent, pin: str | None, *, site: str = SITE) -> Told:
        del site
        document = agent.state / "document"
        document.write_bytes(b"hello")
        options = sign_module.SignOptions(
            files=[document],
            format="pkcs1",
            hash="SHA-256",
            out=document.with_suffix(".p1"),
            force=True,  # a row may sign twice
            state_dir=agent.state,
            json=True,
            pin_stdin=True,
        )
        # Another program has the same reader, and closes what it opens.
        provider = VirtualProvider(readers=1)
        assert agent.card is not None
        provider.insert(READER, agent.card)
        typed = SimpleNamespace(buffer=io.BytesIO(f"{pin or RIGHT}\n".encode()))
        with self._monkeypatch.context() as patched:
            patched.setattr(sign_module.SignOptions, "open_provider", lambda _: provider)
            patched.setattr(own_service, "sys", SimpleNamespace(stdin=typed))
            patched.setattr(sign_module, "log_aside", lambda *_: None)
            try:
                await asyncio.to_thread(sign_module.sign, options)
            except AgentError as error:
                return Told(str(error.code), error.attempts_left)
        return Told(None)
