"""What pages do with PDFs that they should not: too much, too long, of others, or without sense."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from yarl import URL

from agent.documents import page_shelf
from agent.size_limits import MAX_DATA, MAX_PAGE_PDF
from agent.web.native import document_calls
from tests.documents.pdf_files import simple_pdf, stream
from tests.web.conftest import SITE, STRANGER
from tests.web.page_signing_rig import NOBODY, PDF, Rig, b64, code, pieces

OTHER = "https://other.example"
THIRD = "https://third.example"


NOT_HEARD: tuple[tuple[dict[str, str], int], ...] = (
    ({"Origin": STRANGER}, 403),
    ({"Origin": "null"}, 403),
    ({}, 403),
    ({"Origin": SITE, "Sec-Fetch-Mode": "navigate"}, 403),
    ({"Origin": SITE, "Sec-Fetch-Mode": "no-cors"}, 403),
    ({"Origin": SITE, "Sec-Fetch-Dest": "iframe"}, 403),
    ({"Origin": SITE, "Content-Type": "application/json"}, 415),
    ({"Origin": SITE, "Content-Type": "application/pdf; charset=utf-8"}, 415),
    ({"Origin": SITE, "Content-Type": "multipart/form-data; boundary=x"}, 415),
    ({"Origin": SITE, "Content-Encoding": "gzip"}, 415),
    ({"Origin": SITE, "Content-Length": str(MAX_PAGE_PDF + 1)}, 413),
)


SENSELESS: tuple[dict[str, Any], ...] = (
    {"hash": "SHA-512"},
    {"nonce": b64(b"12345678")},
    {"signing_certificate": False},
    {"digest": b64(bytes(32))},
    {"document": NOBODY},
    {"data": None, "document": "../../etc/passwd"},
    {"data": None},
    {"format": "cms", "pades": {}},
    {"format": "cms", "data": None, "document": NOBODY},
    {"pades": {"level": "B-T"}},
    {"pades": {"level": "B-LTA"}},
    {"pades": {"level": "b-b"}},
    {"pades": {"text": "Signed by the ministry"}},
    {"pades": {"mark": {"page": 1, "text": "Signed"}}},
    {"pades": {"mark": {"page": 0}}},
    {"pades": {"mark": {"box": [1, 2, 3]}}},
    {"pades": {"mark": {"box": [-1, 2, 3, 4]}}},
    {"pades": {"reason": "a\u202eb"}},
    {"pades": {"reason": "a" * 256}},
    {"file": "/etc/passwd"},
    {"path": "/etc/passwd"},
)


async def test_nobody_else_is_heard_out(rig: Rig) -> None:
    """The answer comes before one octet of the document was sent."""
    for headers, status in NOT_HEARD:
        reader, writer = await rig.agent.raw()
        sent = {"Content-Type": "application/pdf", "Content-Length": "1000", **headers}
        lines = [f"{name}: {value}" for name, value in sent.items()]
        host = rig.agent.url.removeprefix("https://")
        head = ["POST /v1/documents HTTP/1.1", f"Host: {host}", *lines, "", ""]
        writer.write("\r\n".join(head).encode())
        first = await asyncio.wait_for(reader.readline(), 20)
        writer.close()
        assert int(first.split()[1]) == status, headers
    assert rig.files() == []


async def test_preflights_are_answered_for_sites_that_are_allowed(rig: Rig) -> None:
    for path, method in (
        ("documents", "POST"),
        (f"documents/{NOBODY}", "GET"),
        (f"documents/{NOBODY}", "DELETE"),
    ):
        for site, status in ((SITE, 204), (STRANGER, 403)):
            headers = {"Origin": site, "Access-Control-Request-Method": method}
            url = f"{rig.agent.url}/v1/{path}"
            async with rig.agent.http.options(url, headers=headers) as response:
                assert response.status == status
                if status == 204:
                    assert response.headers["Access-Control-Allow-Methods"] == method
                    assert response.headers["Access-Control-Allow-Origin"] == site


async def test_what_is_no_document_s_path_is_none(rig: Rig) -> None:
    for name in ("../status", "A" * 32, "0" * 31, "0" * 33, f"{NOBODY}/x", "%30" * 32):
        headers = {"Origin": SITE}
        url = f"{rig.agent.url}/v1/documents/{name}"
        async with rig.agent.http.get(URL(url, encoded=True), headers=headers) as response:
            assert response.status == 404


async def test_a_site_has_one_document_and_what_is_signed_gives_way_to_none(rig: Rig) -> None:
    first = await rig.handed()
    second = await rig.handed()  # another tab: the newer one takes the place
    assert code(await rig.sign(document=first)) == "bad_request"
    assert len(rig.files()) == 1
    assert (await rig.sign(document=second))[0] == 200
    refused = await rig.hand()
    assert (refused[0], code(refused)) == (409, "busy")
    await rig.call("GET", second)
    await rig.handed()
    assert code(await rig.call("GET", second)) == "bad_request"


async def test_uploads_of_a_domain_at_once_are_two_of_a_site_one(rig: Rig) -> None:
    names = [f"https://{each}.other.example" for each in "abc"]
    rig.consent.sites |= {THIRD, *names}
    go_on = asyncio.Event()
    slow = [
        asyncio.create_task(rig.hand(pieces(PDF[:9], PDF[9:], wait=go_on), each))
        for each in names[:2]
    ]
    await rig.agent.until(lambda: len(rig.files()) == 2)
    assert code(await rig.hand(site=names[0])) == "busy"
    assert code(await rig.hand(site=names[2])) == "busy"
    await rig.handed(site=THIRD)
    go_on.set()
    for each in slow:
        assert (await each)[0] == 200
    assert code(await rig.hand(site=names[2])) == "busy"  # of what lies here, too
    await rig.handed(site=names[0])


async def test_where_all_places_are_taken_the_one_that_lies_for_longest_gives_way(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site that keeps its place by handing over, and never signs, keeps nobody out."""
    rig.consent.sites |= {OTHER, THIRD}
    monkeypatch.setattr(page_shelf, "MAX_IN_ALL", 2)
    signed, lying = await rig.handed(), await rig.handed(site=OTHER)
    assert code(await rig.hand(site=THIRD)) == "busy"
    assert (await rig.sign(document=signed))[0] == 200
    monkeypatch.setattr(page_shelf, "LAIN_SECONDS", 0.0)
    third = await rig.handed(site=THIRD)
    assert code(await rig.sign(OTHER, document=lying)) == "bad_request"
    assert (await rig.call("GET", signed))[0] == 200
    assert (await rig.call("DELETE", third, THIRD))[0] == 200


async def test_an_upload_that_arrives_a_little_at_a_time_loses_its_place(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_calls, "QUIET_SECONDS", 0.2)

    async def trickle() -> AsyncIterator[bytes]:
        yield PDF[:9]
        while True:
            await asyncio.sleep(0.01)
            yield b" "

    slow = await rig.hand(trickle())
    assert (slow[0], code(slow)) == (408, "timeout")
    assert rig.files() == []


async def test_half_an_upload_leaves_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_calls, "QUIET_SECONDS", 0.05)
    never = asyncio.Event()
    slow = await rig.hand(pieces(PDF[:9], PDF[9:], wait=never))
    assert (slow[0], code(slow)) == (408, "timeout")
    assert rig.files() == []
    monkeypatch.undo()
    reader, writer = await rig.agent.raw()
    host = rig.agent.url.removeprefix("https://")
    head = f"POST /v1/documents HTTP/1.1\r\nHost: {host}\r\nOrigin: {SITE}\r\n"
    writer.write(f"{head}Content-Type: application/pdf\r\nContent-Length: 999\r\n\r\n".encode())
    writer.write(PDF[:100])
    await rig.agent.until(rig.files)
    writer.transport.abort()
    await rig.agent.until(lambda: not rig.files())
    del reader
    await rig.handed()


async def test_one_octet_too_many_ends_an_upload_that_does_not_say_its_length(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_calls, "MAX_PAGE_PDF", len(PDF) - 1)
    refused = await rig.hand(pieces(PDF))
    assert (refused[0], code(refused)) == (413, "too_large")
    assert rig.files() == []


async def test_what_is_no_pdf_is_not_kept(rig: Rig) -> None:
    for body in (b"", b"GIF89a", PDF[:-200], b"/etc/passwd"):
        assert code(await rig.hand(body)) == "document_damaged"
        assert code(await rig.sign(data=b64(body))) == "document_damaged"
    assert rig.files() == []
    assert not rig.person.asked


async def test_a_site_that_lost_its_permission_gets_nothing_more(rig: Rig) -> None:
    identifier = await rig.handed()
    assert (await rig.sign(document=identifier))[0] == 200
    rig.consent.sites.clear()
    for answer in (await rig.call("GET", identifier), await rig.call("DELETE", identifier)):
        assert (answer[0], code(answer)) == (403, "origin_not_allowed")


async def test_what_makes_no_sense_is_refused_before_anything_is_done(rig: Rig) -> None:
    for wrong in SENSELESS:
        wanted = {"data": b64(PDF), **wrong}
        given = {name: value for name, value in wanted.items() if value is not None}
        answer = await rig.sign(**given)
        assert (answer[0], code(answer)) == (400, "bad_request"), wrong
    assert not rig.person.asked
    assert rig.files() == []


async def test_what_is_too_long_for_a_message_is_too_large(rig: Rig) -> None:
    answer = await rig.sign(data=b64(bytes(MAX_DATA + 1)))
    assert (answer[0], code(answer)) == (413, "too_large")


async def test_batches_that_make_no_sense(rig: Rig) -> None:
    pdf = {"data": b64(PDF), "format": "pades"}
    uploaded = {"document": NOBODY, "format": "pades"}
    senseless: tuple[list[Any], ...] = (
        [pdf, {"data": b64(b"x"), "format": "pkcs1"}],
        [pdf, {"data": b64(b"x"), "pades": {}}],
        [uploaded, uploaded],
        [{"data": b64(b"x"), "format": "pkcs1"}],
        [{"data": b64(b"x"), "document": NOBODY}],
    )
    for items in senseless:
        wanted = [*items, {"data": b64(b"y")}]
        assert code(await rig.sign(format="cms", items=wanted)) == "bad_request", items
    assert not rig.person.asked


async def test_a_document_that_unpacks_to_far_more_takes_nobody_along(whole_rig: Rig) -> None:
    packed = zlib.compress(bytes(100_000_000), 9)
    bomb = simple_pdf(more=[stream(packed, b"/Filter/FlateDecode")])
    assert len(bomb) < MAX_DATA
    status, answer = await whole_rig.hand(bomb)
    assert status == 200 or answer["error"]["code"] == "document_damaged"
    assert (await whole_rig.sign(data=b64(PDF)))[0] == 200
