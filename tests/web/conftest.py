"""A listening agent on free ports, with a stand-in for the use cases behind it."""

import asyncio
import io
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from blockbuster import blockbuster_ctx
from cryptography.hazmat.primitives.serialization import Encoding

from agent.host.settings.config import Settings
from agent.host.tls import identity
from agent.host.tls.authority import LocalAuthority
from agent.origin import Origin
from agent.pki.reading import read_certificate
from agent.secret import SecretBytes
from agent.signing.model import (
    AuthenticationRequest,
    AuthenticationResult,
    CardCertificate,
    CardPresence,
    CertificateListing,
    DecryptionRequest,
    Event,
    ReaderProblem,
    ReaderView,
    SignatureRequest,
    SignatureResult,
    Snapshot,
)
from agent.signing.recording import KeyRequest
from agent.web.front import refusal
from agent.web.front.serving import Listener
from agent.web.ports import ServerConfig, Serving, serve

SITE = "https://shop.example"
STRANGER = "https://stranger.example"
_SETTINGS = frozenset(Settings.__struct_fields__)
READER = ReaderView("Ankong Virtual Reader 0", CardPresence.CARD, "gen2", "TS00000000000001", 3)


@dataclass
class FakeService:
    """Does what it is told, remembers what it was asked, and waits where a test wants it to."""

    certificate: CardCertificate
    allowed: set[Origin] = field(default_factory=lambda: {Origin.parse_any(SITE)})
    asked: list[KeyRequest] = field(default_factory=list)
    pins: list[bytes | None] = field(default_factory=list)
    failure: BaseException | None = None
    blocked: set[Origin] = field(default_factory=set)
    problems: tuple[ReaderProblem, ...] = ()
    gate: asyncio.Event | None = None
    entered: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    cancelled: int = 0
    questions: int = 0
    listeners: list[asyncio.Queue[Event]] = field(default_factory=list)
    view: Snapshot = field(default_factory=lambda: Snapshot(True, (READER,)))

    def snapshot(self) -> Snapshot:
        return self.view

    async def look_at_tokens(self) -> None:
        """Have none."""

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[asyncio.Queue[Event]]:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self.listeners.append(queue)
        try:
            yield queue
        finally:
            self.listeners.remove(queue)

    def is_allowed(self, site: Origin) -> bool:
        return site in self.allowed

    def is_blocked(self, site: Origin) -> bool:
        return site in self.blocked

    def tell(self, event: Event) -> None:
        for queue in self.listeners:
            queue.put_nowait(event)

    async def is_entered(self) -> None:
        """Return when one more request has come this far; TimeoutError where none does."""
        await asyncio.wait_for(self.entered.acquire(), 20)

    async def _work(self) -> None:
        self.entered.release()
        try:
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failure is not None:
            raise self.failure

    async def connect(self, site: Origin, *, blind: bool = False) -> bool:
        self.questions += 1
        await self._work()
        self.allowed.add(site)
        return blind

    async def certificates(self, site: Origin, reader: str | None = None) -> CertificateListing:
        del site, reader
        await self._work()
        return CertificateListing((self.certificate,), self.problems)

    async def sign(
        self, site: Origin, request: SignatureRequest, pin: SecretBytes | None
    ) -> SignatureResult:
        del site
        self.asked.append(request)
        self.pins.append(None if pin is None else bytes(pin.buffer))
        await self._work()
        signatures = tuple(b"signature %d" % index for index in range(len(request.documents)))
        return SignatureResult(signatures, self.certificate, "sha256WithRSAEncryption")

    async def authenticate(
        self, site: Origin, request: AuthenticationRequest, pin: SecretBytes | None
    ) -> AuthenticationResult:
        self.asked.append(request)
        self.pins.append(None if pin is None else bytes(pin.buffer))
        await self._work()
        return AuthenticationResult(
            str(site).encode() + request.challenge, self.certificate, "sha256WithRSAEncryption"
        )

    async def decrypt(
        self, site: Origin, request: DecryptionRequest, pin: SecretBytes | None
    ) -> bytes:
        del site
        self.asked.append(request)
        self.pins.append(None if pin is None else bytes(pin.buffer))
        await self._work()
        return request.data[::-1]


@dataclass
class Agent:
    """A listening agent, and ways to speak to it."""

    serving: Serving
    service: FakeService
    trust: ssl.SSLContext
    http: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"https://localhost:{self.serving.port}"

    @property
    def plain_port(self) -> int | None:
        return self.serving.others["plain"].port

    @property
    def plain_url(self) -> str:
        return f"http://localhost:{self.plain_port}"

    @property
    def secure_port(self) -> int | None:
        return self.serving.others["secure"].port

    async def post(
        self, method: str, body: Any, site: str | None = SITE, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        """POST ``body``, JSON unless it is bytes; give the status and the answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **headers}
        if site is not None:
            sent["Origin"] = site
        data = io.BytesIO(raw)  # aiohttp warns about long bytes
        async with self.http.post(f"{self.url}/v1/{method}", data=data, headers=sent) as response:
            return response.status, await response.json()

    def socket(self, site: str = SITE, **options: Any) -> Any:
        """Open a WebSocket; a context manager."""
        return self.http.ws_connect(
            f"{self.url}/v1/socket", origin=site, protocols=["ankong.v1"], **options
        )

    async def raw(
        self, *, plain: bool = False, port: int | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a bare connection, for what is hardly HTTP; with TLS unless it is a plain one's."""
        if plain:
            return await asyncio.open_connection("127.0.0.1", port or self.plain_port)
        return await asyncio.open_connection(
            "127.0.0.1", port or self.serving.port, ssl=self.trust, server_hostname="localhost"
        )

    @staticmethod
    async def until(condition: Callable[[], object]) -> None:
        """Wait until something that nobody announces has come true."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  # it happens on the other side of a socket
                await asyncio.sleep(0.005)

    async def alive(self) -> bool:
        """Return whether the next request works."""
        async with self.http.get(f"{self.url}/v1/status") as response:
            body: dict[str, Any] = await response.json()
            return response.status == 200 and body["product"] == "ankong"


AgentFactory = Callable[..., Awaitable[Agent]]


@pytest.fixture(scope="session")
def local_identity(tmp_path_factory: pytest.TempPathFactory) -> identity.ServerIdentity:
    """Local certificates, made once: they are as good for every test."""
    return identity.ensure(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def card_certificate() -> CardCertificate:
    """Some certificate on some card; nobody here looks into it."""
    der = LocalAuthority(datetime.now(UTC)).certificate.public_bytes(Encoding.DER)
    facts = read_certificate(der)
    return CardCertificate(facts, READER.name, "SIGN", "cert1", "TS00000000000001")


@pytest.fixture(autouse=True)
def no_error_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each test's first unexpected error logged in full, whatever other tests have met."""
    monkeypatch.setattr(refusal, "_unexpected", refusal.UnexpectedErrors())


async def take_freed_ports(serving: Serving, changed: Callable[[], object], seconds: float) -> None:
    """Try again and again for the ports that others hold, until none is left."""
    while serving.missing:
        await asyncio.sleep(seconds)
        await serving.try_waiting(changed)


@pytest.fixture
async def start_agent(
    local_identity: identity.ServerIdentity, card_certificate: CardCertificate
) -> AsyncIterator[AgentFactory]:
    """Start agents: ``await start_agent(limits=…)``.

    Keywords: of ServerConfig, settings, ``plain_mounts`` for the listener on plain HTTP, and
    ``tls_mounts`` for one more with TLS.

    While one runs, a blocking call of ours in the event loop fails the test.
    """
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Agent:
            service = options.pop("service", None) or FakeService(card_certificate)
            context = await asyncio.to_thread(identity.server_context, local_identity)
            chosen = {name: options.pop(name) for name in _SETTINGS & options.keys()}
            settings = Settings(**{"port": 0, "hipki_port": 0, **chosen})
            mounts = options.pop("plain_mounts", ())
            plain = Listener(name="plain", ports=(settings.hipki_port,), mounts=mounts)
            secure = [
                Listener(name="secure", ports=(0,), tls=context, mounts=(mount,))
                for mount in options.pop("tls_mounts", ())
            ]
            options["listeners"] = (plain, *secure, *options.get("listeners", ()))
            options["settings"] = settings
            trust = await asyncio.to_thread(
                ssl.create_default_context, cafile=str(local_identity.authority)
            )
            stack.enter_context(blockbuster_ctx("agent"))
            serving = await serve(ServerConfig(tls=context, **options), service)
            stack.push_async_callback(serving.close)
            connector = aiohttp.TCPConnector(ssl=trust, limit=0)
            http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
            return Agent(serving, service, trust, http)

        yield start


@pytest.fixture
async def agent(start_agent: AgentFactory) -> Agent:
    """One agent with the usual settings, whose citizen has allowed SITE only."""
    return await start_agent()


@pytest.fixture
def secrets_made(monkeypatch: pytest.MonkeyPatch) -> list[SecretBytes]:
    """Return every secret that is made of a text during the test."""
    made: list[SecretBytes] = []

    def remember(kind: type[SecretBytes], text: str) -> SecretBytes:
        made.append(kind(bytearray(text, "utf-8")))
        return made[-1]

    monkeypatch.setattr(SecretBytes, "from_text", classmethod(remember))
    return made


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """A state folder that does not exist yet."""
    return tmp_path / "state"
