"""A listening agent with virtual cards, in a thread of its own: for plain and for browser tests."""

import asyncio
import base64
import http.client
import json
import ssl
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Queue
from typing import Any, Self, TypeVar

from agent.cards.known_attempts import MemoryAttempts
from agent.consent.consent import AlwaysAllow, Ask, Consent, Refuse
from agent.consent.joining import JoiningPrompter
from agent.consent.local_user import LocalUserConsent
from agent.consent.permissions import Permission
from agent.consent.questions import NoPrompter, Prompter
from agent.history.store import History
from agent.host.settings.config import Settings
from agent.origin import Origin
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from agent.web.front.limits import Limits
from agent.web.front.serving import Listener
from agent.web.hipki.hipki_mount import HIPKI, HipkiMount
from agent.web.hipki.popup_prompter import PopupPrompter
from agent.web.ports import ServerConfig, Serving, serve
from agent.web.recorder.recorder import CallRecorder
from tests.signing.permission_support import MemoryPermissions

T = TypeVar("T")
SITE = "https://service.example"
STRANGER = "https://stranger.example"
PIN = "123456"
WRONG_PIN = "654321"
FIRST = READER_NAME.format(0)
SECOND = READER_NAME.format(1)
SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """An HTTP response that was read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Rig:
    """An agent whose plain-HTTP side listens on a free port, and the hand that moves its cards."""

    def __init__(
        self,
        *cards: VirtualCard | None,
        consent: str = "allow",
        port: int = 0,
        limits: Limits | None = None,
        history: History | None = None,
        prompter: Prompter | None = None,
        **settings: Any,
    ) -> None:
        self.provider = VirtualProvider(readers=len(cards))
        self.known = MemoryAttempts()
        for number, card in enumerate(cards):
            if card is not None:
                self.provider.insert(READER_NAME.format(number), card)
                # Seen before, so that no page's PIN is confirmed that need not be.
                self.known.write(card.data.serial, card.data.attempts_left)
        self.permissions = MemoryPermissions()
        self._prompter = PopupPrompter(
            JoiningPrompter(prompter or NoPrompter("no window"), self.permissions)
        )
        self.consent = LocalUserConsent(self._consent(consent))
        self._settings = Settings(port=0, hipki_port=port, **settings)
        self._limits = limits or Limits()
        self._history = history
        self.waiting: Queue[Origin] = Queue()
        self.recorder = CallRecorder()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rig")

    def _consent(self, answer: str) -> Consent:
        if answer == "allow":
            return AlwaysAllow()
        if answer == "deny":
            return Refuse("refused")
        return Ask(self.permissions, self._prompter)

    def __enter__(self) -> Self:
        self._thread.start()
        self.call(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the agent's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    async def _start(self) -> None:
        self.service = SigningService(
            self.provider,
            self.consent,
            prompter=self._prompter,
            attempts=self.known,
            history=self._history,
        )
        await self.service.start()
        self.door = door = HipkiMount(
            self.service,
            self.consent,
            self._settings,
            self._limits,
            on_image=self.waiting.put,
            recorder=self.recorder,
        )
        config = ServerConfig(
            tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            settings=self._settings,
            virtual=True,
            limits=self._limits,
            recorder=self.recorder,
            listeners=(Listener(name=HIPKI, ports=(self._settings.hipki_port,), mounts=(door,)),),
        )
        self.serving: Serving = await serve(config, self.service)
        self.port = self.serving.others[HIPKI].port or 0

    async def _stop(self) -> None:
        await self.serving.close()
        await self.service.close()

    # What a page's browser, or a program, does.

    @property
    def own(self) -> str:
        return f"http://localhost:{self.port}"

    def allow(self, origin: str) -> None:
        self.permissions.remember(Origin.parse_any(origin), Permission.ALLOWED)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        origin: str | None = None,
        **headers: str,
    ) -> Answer:
        """Send one request; underscores in header names stand for hyphens."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if origin is not None:
            sent["Origin"] = origin
        connection = http.client.HTTPConnection("localhost", self.port, timeout=SECONDS)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, origin: str | None = None, **headers: str) -> Answer:
        return self.request("GET", path, origin=origin, **headers)

    def sign(self, origin: str | None = None, **fields: Any) -> dict[str, Any]:
        """Post to /sign as the simplest page does."""
        package = {"tbs": "TBS", "pin": PIN, "hashAlgorithm": "SHA256", **fields}
        body = b"tbsPackage=" + json.dumps(package).encode()
        return self.request("POST", "/sign", body, origin).json

    def post_decryption(self, origin: str | None = None, **fields: Any) -> dict[str, Any]:
        """Post a bare cryptogram, which opens with no key, to /decrypt."""
        package = {"cipher": base64_text(bytes(256)), "cipherType": "PKCS1", "pin": PIN, **fields}
        body = b"tbsPackage=" + json.dumps(package).encode()
        return self.request("POST", "/decrypt", body, origin).json

    # What our own popup does.

    def token(self, path: str = "/popupForm") -> str:
        page = self.get(path).body.decode()
        return page.partition('name="token" content="')[2].partition('"')[0]

    def own_post(self, path: str, fields: dict[str, Any]) -> Answer:
        body = json.dumps(fields).encode()
        return self.request("POST", path, body, self.own, Content_Type="application/json")

    @contextmanager
    def popup(self, site: str, **asked: Any) -> "Iterator[Popup]":
        """Open a popup and let ``site`` post ``asked`` to it."""
        popup = Popup(self, site, json.dumps(asked))
        try:
            yield popup
        finally:
            popup.close()


class Popup:
    """What the popup's script does, without a browser."""

    def __init__(self, rig: Rig, site: str, message: str) -> None:
        self.rig = rig
        self.token = rig.token()
        self._connection = http.client.HTTPConnection("localhost", rig.port, timeout=SECONDS)
        body = json.dumps({"token": self.token, "site": site, "message": message})
        headers = {"Origin": rig.own, "Content-Type": "application/json"}
        self._connection.request("POST", "/popup/request", body, headers)
        self._response: http.client.HTTPResponse | None = None

    def state(self) -> dict[str, Any]:
        """Wait for the next line."""
        if self._response is None:
            self._response = self._connection.getresponse()
        line: dict[str, Any] = json.loads(self._response.readline())
        return line

    def question(self) -> dict[str, Any]:
        """Wait until the citizen is asked."""
        while "question" not in (state := self.state()):
            assert "reply" not in state, state
        found: dict[str, Any] = state["question"]
        return found

    def reply(self) -> dict[str, Any]:
        """Wait for what the page would get."""
        while "reply" not in (state := self.state()):
            pass
        assert isinstance(state["reply"], str)
        found: dict[str, Any] = json.loads(state["reply"])
        return found

    def answer(self, answer: str, **more: Any) -> int:
        """Press a button; give the status."""
        said = {"token": self.token, "answer": answer, **more}
        return self.rig.own_post("/popup/answer", said).status

    def close(self) -> None:
        """Close the window."""
        if self._response is not None:
            self._response.close()
        self._connection.close()


def base64_text(data: bytes | str) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()
