"""What tests of the way by mobile operator share: operator, desktops, phones, authenticator."""

import asyncio
import hashlib
import json
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cbor2
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from agent.portal.audit import lines
from agent.portal.members import Proven, Way, make_gold
from agent.portal.pages.templates import load_pages
from agent.portal.serving import listen, serving
from agent.portal.statics import load_statics
from agent.portal.store.tables import UPGRADE
from agent.portal.store.transaction import Transaction
from agent.portal.telecom.settings import OperatorSettings
from agent.portal.telecom.standin.site import OperatorPlay, create_operator
from agent.portal.telecom.tables import TELECOM, TELECOM_TRY
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from tests.portal.support import Site, SiteOptions, Visitor, running_site

NAME = "示範電信"
STYLES = load_statics()
FORM = {
    "id_number": generate_id_number(41),
    "name": "王測試",
    "born": "民國 79 年 1 月 31 日",
    "mobile": "0912-345-678",
    "operator": NAME,
}
_USER_PRESENT, _USER_VERIFIED, _ATTESTED = 0x01, 0x04, 0x40  # WebAuthn Level 2 §6.1


@asynccontextmanager
async def serving_on_loopback(app_of: Callable[[str], web.Application]) -> AsyncIterator[str]:
    """Serve what is made for an issuer; give its URL."""
    await asyncio.to_thread(load_pages)
    with listen("127.0.0.1", 0) as sock:
        issuer = f"http://127.0.0.1:{sock.getsockname()[1]}"
        async with serving(app_of(issuer), sock):
            yield issuer


@asynccontextmanager
async def telecom_site(issuer: TestIssuer, folder: Path, **settings: Any) -> AsyncIterator[Site]:
    """Run a portal that may ask the stand-in."""
    async with serving_on_loopback(lambda url: create_operator(url, 600, STYLES)) as operator:
        known = OperatorSettings(name=NAME, issuer=operator, client_id="portal")
        options = SiteOptions({"operators": (known,)} | settings)
        async with running_site(issuer, folder, options) as running:
            yield running


@dataclass
class ShownPage:
    """An answer as a browser gets it."""

    status: int
    location: str
    text: str

    @property
    def step(self) -> str | None:
        return self._one(r'data-step="(\w+)"')

    @property
    def outcome(self) -> str | None:
        return self._one(r'data-outcome="(\w+)"')

    @property
    def code(self) -> str | None:
        return self._one(r'data-code="(\w+)"')

    def _one(self, pattern: str) -> str | None:
        found = re.search(pattern, self.text)
        return found[1] if found else None


async def show(visitor: Visitor, path: str, **headers: str) -> ShownPage:
    sent = {"Accept": "text/html", "Accept-Language": "en", **headers}
    async with visitor.http.get(path, headers=sent, allow_redirects=False) as response:
        location = response.headers.get("Location", "")
        return ShownPage(response.status, location, await response.text())


async def send(
    visitor: Visitor, path: str, fields: Mapping[str, str] | None = None, **headers: str
) -> ShownPage:
    sent = {"Accept": "text/html", "Accept-Language": "en", "Origin": visitor.origin, **headers}
    async with visitor.http.post(
        path, data=fields or {"sent": "yes"}, headers=sent, allow_redirects=False
    ) as response:
        location = response.headers.get("Location", "")
        return ShownPage(response.status, location, await response.text())


async def shown_link(desktop: Visitor) -> str:
    """Begin on a desktop; give the path of the link that it shows."""
    assert (await send(desktop, "/ways/telecom/begin")).location == "/ways/telecom/phone"
    page = await show(desktop, "/ways/telecom/phone")
    (link,) = re.findall(r'href="(http[^"]+/phone/link/[^"]+)"', page.text)
    return urlsplit(link).path


async def connected(phone: Visitor, link: str) -> None:
    assert (await show(phone, link)).step == "start"
    assert (await send(phone, link, {"consent": "yes"})).location == "/phone"


async def written(phone: Visitor, **changes: str) -> ShownPage:
    return await send(phone, "/phone/form", FORM | changes)


async def device_options(phone: Visitor) -> dict[str, Any] | None:
    status, answer = await phone.post("/api/phone/device/options")
    assert status == 200, answer
    found: dict[str, Any] | None = answer["options"]
    return found


def credential(
    options: Mapping[str, Any], page: str, *, verified: bool = True, **changes: str
) -> dict[str, Any]:
    """Make what an authenticator makes on a page of an origin, with attestation "none" (§8.7)."""
    host = changes.get("rp_id", options["rp"]["id"])
    key = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    cose = {1: 2, 3: -7, -1: 1, -2: key.x.to_bytes(32), -3: key.y.to_bytes(32)}
    identifier = secrets.token_bytes(16)
    flags = _USER_PRESENT | _ATTESTED | (_USER_VERIFIED if verified else 0)
    data = hashlib.sha256(host.encode()).digest() + bytes([flags]) + bytes(4)
    data += bytes(16) + len(identifier).to_bytes(2) + identifier + cbor2.dumps(cose)
    client = {
        "type": changes.get("type", "webauthn.create"),
        "challenge": changes.get("challenge", options["challenge"]),
        "origin": changes.get("origin", page),
    }
    attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
    return {
        "id": encoded(identifier),
        "rawId": encoded(identifier),
        "type": "public-key",
        "response": {
            "clientDataJSON": encoded(json.dumps(client).encode()),
            "attestationObject": encoded(attestation),
        },
    }


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


async def proven(phone: Visitor) -> str:
    """Let the authenticator verify its user; give the code of a refusal, or "ok"."""
    options = await device_options(phone)
    assert options is not None
    made = credential(options, phone.origin)
    return await phone.code("/api/phone/device", {"credential": made})


async def consent(phone: Visitor, play: OperatorPlay, button: str = "agree") -> str:
    """Go to the operator's page and answer there; give the path that it sends the browser to."""
    question = await show(phone, "/phone/operator")
    assert question.status == 303, question
    assert not question.location.startswith("/"), question
    form = {"play": play.value, button: "1"}
    async with phone.http.post(question.location, data=form, allow_redirects=False) as answer:
        assert answer.status == 303
        back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}" == phone.origin
    return f"{back.path}?{back.query}"


async def asked(phone: Visitor, play: OperatorPlay, button: str = "agree") -> ShownPage:
    """Ask the operator; give the page on which the phone stands then."""
    back = await consent(phone, play, button)
    assert (await show(phone, back)).location == "/phone"
    return await show(phone, "/phone")


@pytest.fixture
async def site(test_issuer: TestIssuer, tmp_path: Path) -> AsyncIterator[Site]:
    async with telecom_site(test_issuer, tmp_path) as running:
        yield running


@pytest.fixture
async def desktop(site: Site) -> Visitor:
    """An ordinary member's desktop."""
    visitor = await site.visitor()
    await visitor.register()
    return visitor


@pytest.fixture
async def phone(site: Site) -> Visitor:
    """A phone's browser, which has never been here."""
    return await site.visitor()


async def ready_to_ask(desktop: Visitor, phone: Visitor) -> None:
    await connected(phone, await shown_link(desktop))
    assert (await written(phone)).location == "/phone"
    assert await proven(phone) == "ok"
    assert (await show(phone, "/phone")).step == "operator"


async def desktop_state(desktop: Visitor) -> tuple[str, str | None]:
    status, answer = await desktop.get("/api/telecom")
    assert status == 200
    return answer["state"], answer["outcome"]


def application_rows(tx: Transaction) -> list[Any]:
    return list(tx.execute(select(TELECOM).order_by(TELECOM.c.id)))


def count_tries(tx: Transaction) -> int:
    return len(tx.execute(select(TELECOM_TRY)).fetchall())


def upgrade_evidence(tx: Transaction) -> list[tuple[str, str]]:
    return [(row.way, row.evidence) for row in tx.execute(select(UPGRADE))]


def phone_outcomes(tx: Transaction) -> list[tuple[str, str]]:
    return [
        (line.event, line.outcome)
        for line, _ in lines(tx)
        if line.event in {"phone_connected", "upgrade_telecom"}
    ]


def become_gold_otherwise(tx: Transaction, member: str, id_number: str) -> None:
    assert make_gold(tx, member, Proven(Way.COUNTER, id_number, None, {})) is None
