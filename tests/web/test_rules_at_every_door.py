"""Every rule about the use of keys, through every door that it can be asked for at.

A row of :data:`RULES` is asked for at each of its doors, of an agent of its own. A refusal comes
before the PIN is sent, so a refused row hands over a wrong one: it must cost no attempt.
"""

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from aiohttp import WSCloseCode
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from agent.cms.digest import HashAlgorithm
from agent.cms.login import RESERVED
from agent.consent.consent import Ask
from agent.consent.local_user import LocalUserConsent
from agent.consent.permissions import Permission
from agent.consent.questions import NoPrompter, Scope
from agent.errors import AgentError, ErrorCode
from agent.history.store import History, read
from agent.host.settings.config import Settings
from agent.origin import Origin
from agent.pki.reading import read_certificate
from agent.signing.service import SigningService
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import Validity
from agent.virtualcard.model import ID_KEYX, ID_SIGN
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from agent.web.hipki.errors import numbers
from agent.web.hipki.hipki_mount import HipkiMount
from agent.web.hipki.popup_prompter import PopupPrompter
from agent.web.jrsys.errors import ReturnValue, return_value
from agent.web.jrsys.jrsys_mount import JrsysMount
from agent.web.panel.selftest import Outcome, SelfTest, SelfTestStep
from tests.card.piv_wire import piv_card
from tests.signing.permission_support import MemoryPermissions
from tests.web.conftest import SITE, Agent, AgentFactory
from tests.web.hipki.rig import PIN, WRONG_PIN, base64_text

CardFactory = Callable[..., VirtualCard]
DONE: Final = "done"
DIGEST: Final = HashAlgorithm.SHA256.digest(b"document")
ALLOWED: Final = {Scope.CARD: Permission.ALLOWED}
BLIND: Final = {**ALLOWED, Scope.BLIND: Permission.ALLOWED}
NEVER_BLIND: Final = {**ALLOWED, Scope.BLIND: Permission.BLOCKED}
BLOCKED: Final = {Scope.CARD: Permission.BLOCKED}
PAGES: Final = ("http", "batch", "socket", "direct", "popup")
"""The doors of pages that can be asked for anything; the command line is the citizen's own."""
JRSYS: Final = "jrsys"
"""A door of pages where all that is signed is a document, in a message of our own."""
JRSYS_DIGESTS: Final = {HashAlgorithm.SHA1: 0, HashAlgorithm.SHA256: 7}
ALL: Final = (*PAGES, "command")
OUT_OF_TIME: Final = {
    Validity.EXPIRED: ErrorCode.CERTIFICATE_EXPIRED,
    Validity.NOT_YET: ErrorCode.CERTIFICATE_NOT_YET_VALID,
}
ACTS: Final = {
    "authenticate": ("http", "socket"),
    "decrypt": ("http", "socket", "direct", "popup", JRSYS),
}
"""The doors of what else a key is used for; the command line has neither."""


@dataclass(frozen=True)
class Rule:
    """What is asked for, under which circumstances, and how each door has to end it."""

    name: str
    expected: ErrorCode | None
    doors: Sequence[str] = PAGES
    data: bytes | None = None
    digest: bytes | None = None
    form: str = "pkcs1"
    hash: HashAlgorithm = HashAlgorithm.SHA256
    key: bytes | None = None
    permissions: Mapping[Scope, Permission] = field(default_factory=lambda: ALLOWED)
    settings: Mapping[str, Any] = field(default_factory=dict)
    validity: Validity = Validity.NOW
    confirm_unknown: bool = False
    act: str = "sign"
    on_piv: bool = False

    @property
    def pin(self) -> str:
        return PIN if self.expected is None else WRONG_PIN


RULES: Final = (
    Rule("plain", None, (*ALL, JRSYS), data=b"document"),
    Rule("a login, bare", ErrorCode.BAD_REQUEST, ALL, data=b"x" + RESERVED),
    Rule("a login, as content", None, ALL, data=RESERVED, form="cms"),
    Rule("blind, not asked", ErrorCode.BLIND_NOT_ALLOWED, PAGES[:-1], digest=DIGEST),
    Rule("blind, never", ErrorCode.BLIND_NOT_ALLOWED, digest=DIGEST, permissions=NEVER_BLIND),
    Rule("blind, allowed", None, digest=DIGEST, permissions=BLIND),
    Rule("detached", None, (*PAGES[:3], JRSYS), digest=DIGEST, form="cms-detached"),
    # Pages of the native API learn no more; the old protocol has one number for both.
    Rule(
        "blocked",
        ErrorCode.ORIGIN_NOT_ALLOWED,
        (*PAGES, JRSYS),
        data=b"document",
        permissions=BLOCKED,
    ),
    Rule("blocked, blind", ErrorCode.ORIGIN_NOT_ALLOWED, digest=DIGEST, permissions=BLOCKED),
    Rule(
        "no SHA-1",
        ErrorCode.BAD_REQUEST,
        (*PAGES, JRSYS),
        data=b"document",
        hash=HashAlgorithm.SHA1,
        settings={"allow_sha1": False},
    ),
    Rule(
        "no SHA-1, blind",
        ErrorCode.BAD_REQUEST,
        digest=HashAlgorithm.SHA1.digest(b"document"),
        hash=HashAlgorithm.SHA1,
        permissions=BLIND,
        settings={"allow_sha1": False},
    ),
    # Where nothing is said, the old component's pages have it: some know nothing newer.
    Rule("SHA-1, new pages", ErrorCode.BAD_REQUEST, PAGES[:3], b"x", hash=HashAlgorithm.SHA1),
    Rule("SHA-1, old pages", None, (*PAGES[3:], JRSYS), b"x", hash=HashAlgorithm.SHA1),
    Rule(
        "SHA-1",
        None,
        (*PAGES, JRSYS),
        data=b"document",
        hash=HashAlgorithm.SHA1,
        settings={"allow_sha1": True},
    ),
    *(
        Rule(str(code), code, (*ALL, JRSYS), b"x", validity=validity)
        for validity, code in OUT_OF_TIME.items()
    ),
    Rule("the encryption key", ErrorCode.KEY_NOT_FOUND, data=b"x", key=ID_KEYX),
    Rule(
        "attempts unknown",
        ErrorCode.PIN_LAST_ATTEMPT,
        (*PAGES[:4], JRSYS),
        b"x",
        confirm_unknown=True,
    ),
    Rule(
        "no PIN of a page",
        ErrorCode.PIN_REQUIRED,
        (*PAGES, JRSYS),
        b"x",
        settings={"page_pin": False},
    ),
    Rule("nobody is asked for a PIN", ErrorCode.PIN_REQUIRED, ("panel",)),
    Rule("every site blocked", ErrorCode.PIN_REQUIRED, ("panel",), permissions=BLOCKED),
    *(
        rule
        for act, doors in ACTS.items()
        for rule in (
            Rule(act, None, doors, act=act),
            Rule(
                f"{act}, blocked",
                ErrorCode.ORIGIN_NOT_ALLOWED,
                doors,
                act=act,
                permissions=BLOCKED,
            ),
            Rule(
                f"{act}, attempts unknown",
                ErrorCode.PIN_LAST_ATTEMPT,
                [door for door in doors if door != "popup"],
                act=act,
                confirm_unknown=True,
            ),
            Rule(
                f"{act}, no PIN of a page",
                ErrorCode.PIN_REQUIRED,
                doors,
                act=act,
                settings={"page_pin": False},
            ),
        )
    ),
    *(
        Rule(f"login, {code}", code, ACTS["authenticate"], validity=validity, act="authenticate")
        for validity, code in OUT_OF_TIME.items()
    ),
)


@dataclass(frozen=True)
class Place:
    """Where the doors are: an agent with one card, and a folder for the command line."""

    card: VirtualCard
    agent: Agent
    service: SigningService
    folder: Path


def _certificate_of(card: VirtualCard, key: bytes) -> bytes:
    """Return the certificate of a key, DER."""
    slot = {ID_SIGN: 0x9C, ID_KEYX: 0x9D}[key]
    found = [each.der for each in card.data.certificates if each.id == key]
    found += [each.certificate for each in card.data.slots if each.reference == slot]
    (der,) = found
    return der


def _cryptogram(card: VirtualCard) -> str:
    der = _certificate_of(card, ID_KEYX)
    key = x509.load_der_x509_certificate(der).public_key()
    assert isinstance(key, RSAPublicKey)
    return base64.b64encode(key.encrypt(b"secret", PKCS1v15())).decode()


def _native(rule: Rule, card: VirtualCard, *, batch: bool = False) -> dict[str, Any]:
    named: dict[str, Any] = {}
    if rule.key is not None:
        der = _certificate_of(card, rule.key)
        named["certificate"] = read_certificate(der).thumbprint.hex()
    if rule.act == "authenticate":
        challenge = base64.b64encode(bytes(32)).decode()
        login = {"challenge": challenge, "purpose": "login", "hash": "SHA-256"}
        return login | named | {"pin": rule.pin}
    if rule.act == "decrypt":
        return {"data": _cryptogram(card), "format": "pkcs1", "pin": rule.pin}
    what = {"data": rule.data} if rule.data is not None else {"digest": rule.digest}
    one = {name: base64.b64encode(value or b"").decode() for name, value in what.items()}
    params: dict[str, Any] = {"hash": rule.hash, "format": rule.form, "pin": rule.pin}
    params |= {"items": [{"data": base64_text("harmless")}, one]} if batch else one
    if batch and rule.form == "cms-detached":
        params["items"] = [one, one]
    return params | named


def _old(rule: Rule, card: VirtualCard) -> dict[str, Any]:
    if rule.act == "decrypt":
        cipher = {"cipher": _cryptogram(card), "cipherType": "PKCS1"}
        return {"func": "DecryptData", **cipher, "plainEncoding": "base64", "pin": rule.pin}
    kind = "RAW" if rule.digest is not None else {"pkcs1": "PKCS1", "cms": "PKCS7"}[rule.form]
    fields = {
        "func": "MakeSignature",
        "tbs": base64_text(rule.digest or rule.data or b""),
        "tbsEncoding": "base64",
        "signatureType": kind,
        "hashAlgorithm": rule.hash.replace("-", ""),
        "pin": rule.pin,
    }
    if rule.key is not None:
        fields["keyidb64"] = base64_text(rule.key)
    return fields


def _native_outcome(answer: Mapping[str, Any]) -> str:
    return str(answer["error"]["code"]) if "error" in answer else DONE


async def _http(place: Place, rule: Rule) -> str:
    wanted = {"params": _native(rule, place.card)}
    return _native_outcome((await place.agent.post(rule.act, wanted))[1])


async def _batch(place: Place, rule: Rule) -> str:
    wanted = {"params": _native(rule, place.card, batch=True)}
    return _native_outcome((await place.agent.post("sign_batch", wanted))[1])


async def _socket(place: Place, rule: Rule) -> str:
    wanted = {"id": 1, "method": rule.act, "params": _native(rule, place.card)}
    async with place.agent.socket() as socket:
        await socket.send_json(wanted)
        async for message in socket:
            answer = json.loads(message.data)
            if "id" in answer:
                return _native_outcome(answer)
        assert socket.close_code == WSCloseCode.POLICY_VIOLATION  # blocked sites get no socket
    return ErrorCode.ORIGIN_NOT_ALLOWED


async def _direct(place: Place, rule: Rule) -> str:
    body = b"tbsPackage=" + json.dumps(_old(rule, place.card)).encode()
    url = f"{place.agent.plain_url}/{rule.act}"
    async with place.agent.http.post(url, data=body, headers={"Origin": SITE}) as response:
        return str(json.loads(await response.text())["ret_code"])


async def _popup(place: Place, rule: Rule) -> str:
    agent = place.agent
    async with agent.http.get(f"{agent.plain_url}/popupForm") as response:
        page = await response.text()
    token = page.partition('name="token" content="')[2].partition('"')[0]
    asked = {"token": token, "site": SITE, "message": json.dumps(_old(rule, place.card))}
    url, headers = f"{agent.plain_url}/popup/request", {"Origin": agent.plain_url}
    async with agent.http.post(url, json=asked, headers=headers) as response:
        async for line in response.content:
            if "reply" in (state := json.loads(line)):
                return str(json.loads(state["reply"])["ret_code"])
    raise AssertionError("no reply")


def _jrsys_request(rule: Rule, card: VirtualCard) -> dict[str, Any]:
    fields: dict[str, Any] = {"DigestAlg": JRSYS_DIGESTS[rule.hash], "PIN": rule.pin}
    if rule.act == "decrypt":
        method, fields["HexP7EnvelopedData"] = "RsaDecryptP11", _envelope(card).hex()
    elif rule.digest is not None:
        method = "RsaSignedDataWithContentDigestP11"
        fields["Digest2BSignHex"] = rule.digest.hex()
    else:
        method, fields["Data2BSigned"] = "RsaSignedDataP11", (rule.data or b"").decode()
    return {"MethodSelect": method, "ComPKCS11Para": fields}


def _envelope(card: VirtualCard) -> bytes:
    der = _certificate_of(card, ID_KEYX)
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(b"secret")
    builder = builder.add_recipient(x509.load_der_x509_certificate(der))
    return builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])


async def _jrsys(place: Place, rule: Rule) -> str:
    url = f"wss://127.0.0.1:{place.agent.secure_port}/"
    async with place.agent.http.ws_connect(url, origin=SITE) as socket:
        await socket.send_json(_jrsys_request(rule, place.card))
        return str((await socket.receive_json())["RV"])


def _jrsys_number(rule: Rule) -> str:
    """Return what pages of this family are told; an algorithm has a number of its own there."""
    if rule.expected is None:
        return "0"
    if rule.permissions == BLOCKED:
        return str(int(ReturnValue.BLOCKED))
    if rule.expected is ErrorCode.BAD_REQUEST:
        return str(int(ReturnValue.MECHANISM))
    return str(int(return_value(AgentError(code=rule.expected))[0]))


async def _command(place: Place, rule: Rule) -> str:
    document, card = place.folder / "document", place.folder / "card.json"
    await asyncio.to_thread(document.write_bytes, rule.data or b"")
    await asyncio.to_thread(cardfile.save, card, place.card.data)
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent", "sign", str(document), "--format", rule.form, "--json"),
        *("--out", str(place.folder / "out"), "--virtual-card", str(card), "--pin-stdin"),
        *("--state-dir", str(place.folder / "state")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await child.communicate(f"{rule.pin}\n".encode())
    return _native_outcome(json.loads(said))


async def _panel(place: Place, rule: Rule) -> str:
    """Run the panel's self-test: what it signs is its own, and the PIN is typed in a window."""
    del rule
    ports = SelfTestStep("component", Outcome.GOOD)
    steps = await SelfTest(place.service, ports, lambda: datetime.now(UTC), None).run(
        signature=True
    )
    return steps[-1].code or DONE


Door: TypeAlias = Callable[[Place, Rule], Awaitable[str]]
DOORS: Final[Mapping[str, Door]] = {
    "http": _http,
    "batch": _batch,
    "socket": _socket,
    "direct": _direct,
    "popup": _popup,
    JRSYS: _jrsys,
    "command": _command,
    "panel": _panel,
}


def _number(code: ErrorCode | None) -> str:
    """Return what pages of the old protocol compare with."""
    return "0" if code is None else str(int(numbers(AgentError(code=code)).ret_code))


@pytest.fixture
async def open_place(
    start_agent: AgentFactory, make_card: CardFactory, tmp_path: Path
) -> AsyncIterator[Callable[[Rule], Awaitable[Place]]]:
    """Start an agent with every door under the circumstances of a rule."""
    async with AsyncExitStack() as stack:

        async def open_it(rule: Rule) -> Place:
            card = piv_card("rsa2048") if rule.on_piv else make_card(validity=rule.validity)
            provider = VirtualProvider(readers=1)
            provider.insert(READER_NAME.format(0), card)
            permissions = MemoryPermissions()
            for scope, permission in rule.permissions.items():
                permissions.remember(Origin.parse(SITE), permission, scope)
            prompter = PopupPrompter(NoPrompter("nobody is asked here"))
            consent = LocalUserConsent(
                Ask(permissions, prompter, confirm_unknown=rule.confirm_unknown)
            )
            settings = Settings(**rule.settings)
            history = await asyncio.to_thread(History, tmp_path / "history.sqlite")
            stack.push_async_callback(asyncio.to_thread, history.close)
            service = SigningService(
                provider,
                consent,
                prompter=prompter,
                allow_sha1=settings.allow_sha1,
                history=history,
            )
            stack.push_async_callback(service.close)
            await service.start()
            mount = await asyncio.to_thread(HipkiMount, service, consent, settings)
            jrsys = JrsysMount(service, settings)
            agent = await start_agent(
                service=service, plain_mounts=(mount,), tls_mounts=(jrsys,), **rule.settings
            )
            return Place(card, agent, service, tmp_path)

        yield open_it


@pytest.mark.parametrize(
    ("rule", "door"),
    [pytest.param(rule, door, id=f"{rule.name}-{door}") for rule in RULES for door in rule.doors],
)
async def test_a_rule_holds_at_each_of_its_doors(
    open_place: Callable[[Rule], Awaitable[Place]], rule: Rule, door: str
) -> None:
    place = await open_place(rule)
    outcome = await DOORS[door](place, rule)
    if door in ("direct", "popup"):
        assert outcome == _number(rule.expected)
    elif door == JRSYS:
        assert outcome == _jrsys_number(rule)
    else:
        assert outcome == (rule.expected or DONE)
    assert place.card.data.attempts_left == 3


@pytest.mark.parametrize("door", ["http", "batch", "direct", "popup"])
async def test_the_history_says_what_was_signed_unseen(
    open_place: Callable[[Rule], Awaitable[Place]], door: str
) -> None:
    place = await open_place(Rule("blind", None, digest=DIGEST, permissions=BLIND))
    await DOORS[door](place, Rule("blind", None, digest=DIGEST))
    await DOORS["http"](place, Rule("seen", None, data=b"document"))
    lines = await asyncio.to_thread(read, place.folder / "history.sqlite")
    assert lines[0].entry.detail is None
    assert lines[1].entry.detail == "blind"


OTHER_CARD: Final = (
    *(("sign", door) for door in (*PAGES, JRSYS)),
    *((act, door) for act, doors in ACTS.items() for door in doors),
)


@pytest.mark.parametrize(("act", "door"), OTHER_CARD)
async def test_no_page_spends_a_try_of_a_card_that_it_does_not_mean(
    open_place: Callable[[Rule], Awaitable[Place]], act: str, door: str
) -> None:
    """It asks for the PIN of a citizen card, and the one card in a reader is another one."""
    rule = Rule("another card", ErrorCode.PIN_REQUIRED, data=b"document", act=act, on_piv=True)
    place = await open_place(rule)
    outcome = await DOORS[door](place, rule)
    if door in ("direct", "popup"):
        assert outcome == _number(ErrorCode.KEY_NOT_FOUND)
    elif door == JRSYS:
        assert outcome != "0"
    else:
        assert outcome == ErrorCode.PIN_REQUIRED
    assert place.card.tally.verifies == 0


@pytest.mark.parametrize(
    ("act", "door"),
    [
        *(("sign", door) for door in PAGES[:3]),
        *(("authenticate", door) for door in ACTS["authenticate"]),
    ],
)
async def test_a_page_that_names_the_certificate_means_that_card(
    open_place: Callable[[Rule], Awaitable[Place]], act: str, door: str
) -> None:
    rule = Rule("its own", None, data=b"document", act=act, key=ID_SIGN, on_piv=True)
    place = await open_place(rule)
    assert await DOORS[door](place, rule) == DONE
    assert place.card.tally.verifies == (2 if door == "batch" else 1)
    assert place.card.tally.wrong_pins == 0
