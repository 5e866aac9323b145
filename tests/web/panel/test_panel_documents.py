"""Documents that the panel's pages hand over: whose they are, how many, how large, how long."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from agent.consent.consent import AlwaysAllow
from agent.consent.questions import EnterPin, Prompt
from agent.documents import shelf
from agent.errors import AgentError, ErrorCode
from agent.host.machine import document_copies
from agent.secret import SecretBytes
from agent.signing.service import SigningService
from agent.size_limits import MAX_PDF
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from agent.web.panel import own_documents as documents
from tests.conftest import CardFactory
from tests.documents import pdf_judges
from tests.documents.pdf_files import simple_pdf
from tests.web.conftest import Agent, AgentFactory
from tests.web.panel.panel_door import Door, open_door

OCTETS = {"Content-Type": "application/octet-stream"}
PDF = simple_pdf("Contract: pay 100 TWD", "Second page")
NOBODY = "0" * 32


class TypingPrompter:
    """Somebody who types these PINs into the agent's own window, one a question."""

    def __init__(self, *pins: str) -> None:
        self.pins = list(pins)
        self.asked: list[EnterPin] = []

    def can_ask(self) -> bool:
        return True

    def pin_unasked(self) -> ErrorCode:
        return EnterPin.unasked

    async def ask(self, prompt: Prompt[Any]) -> Any:
        assert isinstance(prompt, EnterPin)
        self.asked.append(prompt)
        if not self.pins:
            raise AgentError("no", code=ErrorCode.USER_CANCELLED)
        return SecretBytes.from_text(self.pins.pop(0))


@pytest.fixture
def person() -> TypingPrompter:
    """Return who sits at the computer of :func:`signing_door`."""
    return TypingPrompter("123456")


@pytest.fixture
async def signing_door(
    start_agent: AgentFactory,
    card_certificate: Any,
    tmp_path: Path,
    make_card: CardFactory,
    person: TypingPrompter,
) -> AsyncIterator[Door]:
    """Start an agent that signs with a card of its own, its panel open."""
    provider = VirtualProvider()
    provider.insert(READER_NAME.format(0), make_card("gen2"))
    service = SigningService(provider, AlwaysAllow(), prompter=person)
    await service.start()
    async with open_door(start_agent, card_certificate, tmp_path, service=service) as door:
        yield door
    await service.close()


def private_files(door: Door) -> list[str]:
    folder = door.paths.documents
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def named(name: str = "合約.pdf", use: str = "sign") -> str:
    return f"api/documents?name={quote(name)}&use={use}"


async def hand(door: Door, body: bytes = PDF, path: str | None = None) -> Any:
    response, raw = await door.ask("POST", path or named(), body, **OCTETS)
    assert response.status == 200, raw
    return json.loads(raw)


async def refused(
    door: Door, method: str, path: str, body: Any = None, **headers: str | None
) -> tuple[int, str]:
    response, raw = await door.ask(method, path, body, **headers)
    assert response.status >= 400, raw
    return response.status, json.loads(raw)["error"]["code"]


async def test_a_document_is_told_by_its_facts_and_kept_for_its_owner_alone(door: Door) -> None:
    told = await hand(door)
    assert told == {
        "id": told["id"],
        "name": "合約.pdf",
        "size": len(PDF),
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "locked": False,
        "pages": 2,
        "signatures": 0,
        "fields": [],
        "encrypted": False,
        "warnings": [],
        "proof": {"level": "B-B", "host": None},
    }
    assert len(bytes.fromhex(told["id"])) == 16
    (kept,) = door.paths.documents.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert door.paths.documents.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Cookie": None}, 401),
        ({"X-Ankong-Panel": None}, 403),
        ({"X-Ankong-Panel": "open"}, 401),
        ({"X-Ankong-Panel": "A" * 43}, 401),
        ({"Origin": None}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Mode": "navigate"}, 403),
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Length": str(MAX_PDF + 1)}, 413),
    ],
)
async def test_nobody_else_is_heard_out(
    door: Door, headers: dict[str, str | None], status: int
) -> None:
    """The answer comes before one octet of the document was sent."""
    reader, writer = await asyncio.open_connection(
        "localhost", door.agent.serving.port, ssl=door.agent.trust
    )
    usual = door.headers(**{**OCTETS, "Content-Length": "1000", **headers})
    lines = [f"{name}: {value}" for name, value in usual.items()]
    host = door.origin.removeprefix("https://")
    head = "\r\n".join([f"POST /panel/{named()} HTTP/1.1", f"Host: {host}", *lines, "", ""])
    writer.write(head.encode())
    answer = await reader.readline()
    assert answer.split()[1] == b"%d" % status
    writer.close()
    assert private_files(door) == []


async def test_the_other_session_has_no_part_in_it(door: Door) -> None:
    theirs = (await hand(door))["id"]
    before = {"X-Ankong-Panel": door.page_key, "Cookie": f"{door.cookie_name}={door.cookie}"}
    await door.open()
    for method, path, body in (
        ("POST", "api/documents/sign", {"ids": [theirs]}),
        ("POST", "api/documents/verify", {"id": theirs}),
        ("POST", "api/documents/unlock", {"id": theirs, "password": [1]}),
        ("POST", "api/documents/reveal", {"id": theirs}),
        ("GET", f"api/documents/original?id={theirs}", None),
        ("GET", f"api/documents/signed?id={theirs}", None),
        ("GET", f"api/documents/version?id={theirs}&number=1", None),
    ):
        assert await refused(door, method, path, body) == (400, "bad_request")
    assert await door.get("documents") == {"documents": []}
    for path in (f"api/documents?id={theirs}", "api/documents"):
        response, _ = await door.ask("DELETE", path)
        assert response.status == 200
    assert len(private_files(door)) == 1
    response, _ = await door.ask("DELETE", f"api/documents?id={theirs}", **before)
    assert response.status == 200
    assert private_files(door) == []


@pytest.mark.parametrize("name", ["", "../x.pdf", "a/b.pdf", "c:\\x.pdf", "x" * 256])
async def test_a_name_is_no_path(door: Door, name: str) -> None:
    assert await refused(door, "POST", named(name), PDF, **OCTETS) == (400, "bad_request")
    assert private_files(door) == []


@pytest.mark.parametrize("body", [b"", b"no PDF", PDF[: len(PDF) // 2]])
async def test_what_cannot_be_signed_is_refused_and_not_kept(door: Door, body: bytes) -> None:
    status, code = await refused(door, "POST", named(), body, **OCTETS)
    assert (status, code) == (409, "document_damaged")
    assert private_files(door) == []


async def test_a_document_that_turns_out_too_large_is_not_kept(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_PDF", 1000)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(500)

    url = f"{door.origin}/panel/{named()}"
    sent = door.headers(**OCTETS)
    async with door.agent.http.post(url, data=pieces(), headers=sent) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (413, "too_large")
    assert private_files(door) == []


async def test_a_large_document_arrives_whole(door: Door) -> None:
    body = bytes(range(256)) * 4096 * 20
    told = await hand(door, body, named(use="verify"))
    assert (told["size"], told["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


class SlowBody:
    """A body of which the first octets come, and the rest when a test lets it."""

    def __init__(self) -> None:
        self.more = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield PDF[:100]
        await self.more.wait()
        yield PDF[100:]


async def test_a_slow_body_is_cut(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "QUIET_SECONDS", 0.05)
    url = f"{door.origin}/panel/{named()}"
    body = aiter(SlowBody())
    async with door.agent.http.post(url, data=body, headers=door.headers(**OCTETS)) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (408, "timeout")
    assert private_files(door) == []


async def test_one_at_a_time_comes_from_one_session(door: Door) -> None:
    body = SlowBody()
    url = f"{door.origin}/panel/{named()}"
    first = asyncio.ensure_future(
        door.agent.http.post(url, data=aiter(body), headers=door.headers(**OCTETS))
    )
    await Agent.until(lambda: bool(private_files(door)))
    assert (await refused(door, "POST", named(), PDF, **OCTETS))[1] == "busy"
    body.more.set()
    assert (await first).status == 200
    await hand(door)


async def test_a_page_that_leaves_meanwhile_leaves_nothing(door: Door) -> None:
    url = f"{door.origin}/panel/{named()}"
    sent = door.headers(**OCTETS)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=door.agent.trust)) as other:
        task = asyncio.ensure_future(other.post(url, data=aiter(SlowBody()), headers=sent))
        await Agent.until(lambda: bool(private_files(door)))
        task.cancel()
    await Agent.until(lambda: not private_files(door))


async def test_few_are_held_at_once(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MAX_OF_OWNER", 2)
    monkeypatch.setattr(shelf, "MAX_IN_ALL", 3)
    path = named(use="verify")
    ids = [(await hand(door, PDF, path))["id"] for _ in range(2)]
    assert (await refused(door, "POST", path, PDF, **OCTETS))[1] == "busy"
    await door.ask("DELETE", f"api/documents?id={ids[0]}")
    await hand(door, PDF, path)
    await door.open()  # another session
    await hand(door, PDF, path)
    assert (await refused(door, "POST", path, PDF, **OCTETS))[1] == "busy"
    assert len(private_files(door)) == 3


async def test_it_is_gone_after_a_while(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    assert document_copies.LEFT_SECONDS == 1800
    monkeypatch.setattr(shelf.DocumentShelf.__init__, "__kwdefaults__", {"seconds": 0.05})
    told = await hand(door, PDF, named(use="verify"))
    await Agent.until(lambda: not private_files(door))
    path = f"api/documents/signed?id={told['id']}"
    assert await refused(door, "GET", path) == (400, "bad_request")


async def test_it_is_gone_with_the_session(door: Door) -> None:
    await hand(door)
    response, _ = await door.ask("POST", "api/close", {})
    assert response.status == 204
    assert private_files(door) == []


async def test_it_is_gone_with_the_agent(door: Door) -> None:
    await hand(door)
    await door.agent.serving.close()
    assert private_files(door) == []


@pdf_judges.needs_pdfsig
async def test_one_pin_signs_all_and_readers_agree(
    signing_door: Door, person: TypingPrompter, tmp_path: Path
) -> None:
    door = signing_door
    first, second = await hand(door), await hand(door, simple_pdf("Another"), named("b.pdf"))
    wanted = {"ids": [first["id"], second["id"]], "reason": "同意"}
    assert await door.post("documents/sign", wanted) == {
        "signed": [{"id": each, "saved": None, "level": "B-B"} for each in wanted["ids"]],
        "failed": [],
    }
    (question,) = person.asked
    shown = [each.digest.hex() for each in question.purpose.documents]
    assert shown == [first["sha256"], second["sha256"]]
    response, signed = await door.ask("GET", f"api/documents/signed?id={first['id']}")
    assert response.content_type == "application/pdf"
    assert signed.startswith(PDF)
    (tmp_path / "signed.pdf").write_bytes(signed)
    (found,) = pdf_judges.pdfsig(tmp_path / "signed.pdf")
    assert found["signature validation"] == "Signature is Valid."

    other = await hand(door, signed + b"%changed\n", named(use="verify"))
    report = await door.post("documents/verify", {"id": other["id"]})
    assert report["verdict"] == "unknown"  # nobody is trusted by default
    assert report["signatures"][0]["chain"]["status"] == "not_checked"
    assert report["signatures"][0]["sha256_before"] == first["sha256"]
    path = f"api/documents/version?id={other['id']}&number="
    assert (await door.ask("GET", f"{path}1"))[1] == signed
    for number in ("0", "2", "-1", "x", ""):
        assert await refused(door, "GET", path + number) == (400, "bad_request")


async def test_no_is_no_and_the_documents_stay(signing_door: Door, person: TypingPrompter) -> None:
    door = signing_door
    person.pins.clear()
    told = await hand(door)
    wanted = {"ids": [told["id"]]}
    assert (await refused(door, "POST", "api/documents/sign", wanted))[1] == "user_cancelled"
    path = f"api/documents/signed?id={told['id']}"
    assert await refused(door, "GET", path) == (400, "bad_request")
    person.pins.append("123456")
    await door.post("documents/sign", wanted)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"ids": [NOBODY] * 17},
        {"ids": ["../x"]},
        {"ids": [NOBODY], "path": "/"},
        {"ids": [NOBODY], "mark": {"page": 0}},
        {"ids": [NOBODY], "mark": {"box": [0, 0, 220]}},
        {"ids": [NOBODY], "mark": {"box": [0, 0, 220, 1e300]}},
        {"ids": [NOBODY], "mark": {"text": "Valid"}},
    ],
)
async def test_what_names_no_documents_signs_none(door: Door, body: Any) -> None:
    assert await refused(door, "POST", "api/documents/sign", body) == (400, "bad_request")


@pdf_judges.needs_pdfsig
@pytest.mark.parametrize(
    ("language", "words"),
    [("zh-Hant", "以自然人憑證簽署"), ("en", "Signed with a Citizen Digital Certificate")],
)
async def test_the_mark_speaks_the_language_of_the_page(
    signing_door: Door, tmp_path: Path, language: str, words: str
) -> None:
    told = await hand(signing_door)
    wanted = {"ids": [told["id"]], "mark": {"page": 1, "box": None}, "language": language}
    (done,) = (await signing_door.post("documents/sign", wanted))["signed"]
    assert done["mark"] == {"missing": None, "small": False}
    _, signed = await signing_door.ask("GET", f"api/documents/signed?id={told['id']}")
    file = tmp_path / "marked.pdf"
    file.write_bytes(signed)
    assert words in await asyncio.to_thread(pdf_judges.pdftotext, file)
