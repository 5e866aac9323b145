"""What the portal's tests share: people with keys, a site with everything around it, a visitor."""

import base64
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from agent.cms.document import Document
from agent.cms.login import LoginPurpose, LoginStatement
from agent.cms.signed import prepare, prepare_login
from agent.portal.app import Rates, Replacements, create_app
from agent.portal.config import PortalConfig
from agent.portal.ics.standin import PATH, create_standin
from agent.portal.serving import listen, serving
from agent.rate import Rate
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer, Validity, der, serial_text
from agent.virtualcard.profile import Use
from tests.portal.databases import CHOSEN

GENEROUS = Rates(posts=Rate(10_000, 10_000), card_attempts=Rate(10_000, 10_000))
MOBILE = "0900000001"


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """Return each name its own key, made once in a process."""
    assert name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Person:
    """Somebody with a card: what it would sign with, and what is known about its owner."""

    id_number: str
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def der(self) -> bytes:
        return der(self.certificate)

    @property
    def subject_serial(self) -> str:
        (value,) = self.certificate.subject.get_attributes_for_oid(x509.NameOID.SERIAL_NUMBER)
        return str(value.value)

    def sign(self, content: bytes) -> bytes:
        """Make an attached CMS SignedData over a document, as the agent would."""
        prepared = prepare(self.der, Document(content))
        return prepared.finish(self.sign_digest(prepared.digest))

    def authenticate(self, statement: LoginStatement) -> bytes:
        """Make a login, as the agent would."""
        prepared = prepare_login(self.der, statement)
        return prepared.finish(self.sign_digest(prepared.digest))

    def sign_digest(self, digest: bytes) -> bytes:
        """Do what the card does: RSASSA-PKCS1-v1_5 over a SHA-256 digest."""
        return self.key.sign(digest, PKCS1v15(), Prehashed(hashes.SHA256()))


def issue(
    issuer: TestIssuer,
    number: int,
    validity: Validity = Validity.NOW,
    use: Use = Use.SIGN,
    name: str = "王測試",
) -> Person:
    """Certify an invented person; the same number is the same ID number."""
    key = rsa_key("citizen")
    id_number = generate_id_number(number)
    certificate = issuer.issue(name, id_number, {use: key.public_key()}, validity)[use]
    return Person(id_number, certificate, key)


class Clock:
    """The real time and an offset, in seconds."""

    def __init__(self) -> None:
        self.offset = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset


@dataclass
class Site:
    """A portal that runs, with its identity service and its issuer."""

    origin: str
    issuer: TestIssuer
    folder: Path
    clock: Clock
    visitors: AsyncExitStack

    def publish(self) -> None:
        """Write revocation lists and the identity service's people as they are now."""
        publish(self.issuer, self.folder)

    async def visitor(self) -> "Visitor":
        """Let somebody else come, with a browser of their own."""
        return await self.visitors.enter_async_context(Visitor(self.origin))


class Visitor:
    """A browser: its cookies, and the requests that the page would make."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of an IP address, too
        self.http = aiohttp.ClientSession(origin, cookie_jar=jar)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.http.close()

    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self.http.cookie_jar}

    def set_cookies(self, cookies: Mapping[str, str]) -> None:
        self.http.cookie_jar.clear()
        self.http.cookie_jar.update_cookies(dict(cookies), self.http._base_url)

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        async with self.http.get(path, **options) as response:
            return response.status, await response.json()

    async def post(self, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        headers = {"Origin": self.origin} | options.pop("headers", {})
        async with self.http.post(path, json=body or {}, headers=headers, **options) as response:
            return response.status, await response.json()

    async def code(self, path: str, body: Any = None) -> str:
        """Post and give the code of the refusal, or "ok"."""
        status, answer = await self.post(path, body)
        if status == 200:
            return "ok"
        assert set(answer) == {"error"}
        return str(answer["error"]["code"])

    async def register(self, contact: str = MOBILE) -> dict[str, Any]:
        """Become a member, or log in, by one-time code."""
        status, sent = await self.post("/api/otp", {"contact": contact})
        assert status == 200, sent
        body = {"contact": contact, "code": sent["demo_code"]}
        status, done = await self.post("/api/otp/confirm", body)
        assert status == 200, done
        return dict(done["member"])

    async def upgrade_body(self, person: Person, id_number: str | None = None) -> dict[str, str]:
        """Get a challenge and have it signed."""
        typed = person.id_number if id_number is None else id_number
        status, challenge = await self.post("/api/upgrade/card/challenge", {"id_number": typed})
        assert status == 200, challenge
        return signed(challenge, person, self.origin)

    async def upgrade(self, person: Person, id_number: str | None = None) -> str:
        return await self.code("/api/upgrade/card", await self.upgrade_body(person, id_number))

    async def login_body(self, person: Person) -> dict[str, str]:
        status, challenge = await self.post("/api/login/card/challenge")
        assert status == 200, challenge
        return signed(challenge, person, self.origin, LoginPurpose.LOGIN)

    async def login(self, person: Person) -> str:
        return await self.code("/api/login/card", await self.login_body(person))

    async def member(self) -> Any:
        return (await self.get("/api/session"))[1]["member"]


NOON = "2026-06-15T12:00:00Z"  # by a citizen's clock that has stopped, which harms nobody


def signed(
    challenge: Mapping[str, Any],
    person: Person,
    origin: str,
    purpose: LoginPurpose = LoginPurpose.IDENTIFY,
) -> dict[str, str]:
    """Answer a challenge, as the agent does for a page of ``origin``."""
    statement = LoginStatement(purpose, origin, challenge["challenge"], NOON)
    return submission(challenge, person.authenticate(statement))


def submission(challenge: Mapping[str, Any], token: bytes) -> dict[str, str]:
    """Send any octets as the answer to a challenge."""
    encoded = base64.b64encode(token).decode()
    return {"challenge_id": challenge["challenge_id"], "token": encoded}


def publish(issuer: TestIssuer, folder: Path) -> None:
    """Write what an issuer publishes, as files."""
    (folder / "root.cer").write_bytes(der(issuer.root.certificate))
    (folder / "ca.cer").write_bytes(der(issuer.ca.certificate))
    (folder / "root.crl").write_bytes(issuer.root_crl())
    (folder / "ca.crl").write_bytes(issuer.crl())
    (folder / "issued.json").write_bytes(issuer.database())


def revoke(issuer: TestIssuer, person: Person) -> None:
    issuer.revoke(serial_text(person.certificate))


def site_config(folder: Path, **changes: Any) -> PortalConfig:
    """Settings of a site whose issuer publishes into ``folder``."""
    settings: dict[str, Any] = {
        **CHOSEN.settings_in(folder),
        "anchors": (str(folder / "root.cer"),),
        "intermediates": (str(folder / "ca.cer"),),
        "crl": (str(folder / "root.crl"), str(folder / "ca.crl")),
        "ics_url": "http://127.0.0.1:9/unused",
    }
    return PortalConfig(**settings | changes)


@dataclass
class SiteOptions:
    """What differs from an ordinary site."""

    settings: dict[str, Any] = field(default_factory=dict)
    replacements: dict[str, Any] = field(default_factory=dict)


@asynccontextmanager
async def running_site(
    issuer: TestIssuer, folder: Path, options: SiteOptions | None = None
) -> AsyncIterator[Site]:
    """Run a portal and its identity service on free ports."""
    wanted = options or SiteOptions()
    publish(issuer, folder)
    clock = Clock()
    async with AsyncExitStack() as stack:
        ics_socket = stack.enter_context(listen("127.0.0.1", 0))
        await stack.enter_async_context(serving(create_standin(folder / "issued.json"), ics_socket))
        ics_url = f"http://127.0.0.1:{ics_socket.getsockname()[1]}{PATH}"
        config = site_config(folder, **{"ics_url": ics_url} | wanted.settings)
        sock = stack.enter_context(listen("127.0.0.1", 0))
        origins = config.origins_at(sock.getsockname()[1])
        parts = Replacements(**{"clock": clock, "rates": GENEROUS} | wanted.replacements)
        await stack.enter_async_context(serving(create_app(config, origins, parts), sock))
        visitors = await stack.enter_async_context(AsyncExitStack())
        yield Site(f"http://127.0.0.1:{sock.getsockname()[1]}", issuer, folder, clock, visitors)


def public_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
