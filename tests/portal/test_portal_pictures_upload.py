"""A form with a picture is received a piece at a time, however it is sent."""

import asyncio
import io
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent.portal.pictures import spool, upload
from agent.portal.pictures.limits import MAX_BYTES
from agent.portal.pictures.reencode import reencode
from agent.portal.pictures.reencoder import Reencoder
from agent.portal.pictures.upload import SenderPatience, UploadReader
from agent.portal.serving import listen, serving
from tests.portal import picture_files as files
from tests.portal.picture_site import picture_site, until

BOUNDARY = "limes"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


@asynccontextmanager
async def receiving(**options: Any) -> AsyncIterator[aiohttp.ClientSession]:
    async with receiving_by(UploadReader(Reencoder(), **options)) as http:
        yield http


@asynccontextmanager
async def receiving_by(reader: UploadReader) -> AsyncIterator[aiohttp.ClientSession]:
    with listen("127.0.0.1", 0) as sock:
        async with (
            serving(picture_site(reader), sock),
            aiohttp.ClientSession(f"http://127.0.0.1:{sock.getsockname()[1]}") as http,
        ):
            yield http
    await reader._reencoder.close()


def part(name: str, body: bytes, filename: str | None = None) -> bytes:
    shown = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{shown}\r\n\r\n'
    return head.encode() + body + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def picture(body: bytes) -> bytes:
    return part("picture", body, "front.jpg")


async def send(http: aiohttp.ClientSession, body: Any, kind: str = TYPE, owner: str = "a") -> Any:
    """Send a body; give the answer, or the code of the refusal."""
    headers = {"Content-Type": kind}
    body = io.BytesIO(body) if isinstance(body, bytes) else body
    async with http.post(f"/picture?owner={owner}", data=body, headers=headers) as response:
        answer = await response.json()
        return answer["error"]["code"] if "error" in answer else answer


async def test_a_form_is_received_with_its_fields_and_its_picture_made_anew() -> None:
    plain = [len(each) for each in reencode(files.jpeg())]
    async with receiving() as http:
        body = part("side", "正面".encode()) + picture(files.jpeg()) + part("note", b"") + END
        assert await send(http, body) == {"fields": {"side": "正面", "note": ""}, "sizes": plain}
        form = aiohttp.FormData({"side": "back"})
        form.add_field("picture", files.pdf(2), filename="a.pdf", content_type="text/html")
        async with http.post("/picture", data=form) as response:
            assert len((await response.json())["sizes"]) == 2

        # The boundary may come in pieces, and no length be announced.
        async def bit_by_bit() -> AsyncIterator[bytes]:
            for start in range(0, len(body), 7):
                yield body[start : start + 7]

        assert (await send(http, bit_by_bit()))["sizes"] == plain


FORMS = {
    "no file": (part("side", b"front") + END, "picture_empty"),
    "none chosen": (part("picture", b"", "") + END, "picture_empty"),
    "an empty one": (picture(b"") + END, "picture_empty"),
    "nothing at all": (END, "picture_empty"),
    "not a picture": (picture(b"<script>") + END, "picture_kind_unknown"),
    "in base64": (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n/9j/\r\n".encode()
        + END,
        "picture_kind_unknown",
    ),
    "two files": (picture(files.jpeg()) * 2 + END, "bad_request"),
    "a file of another field": (part("other", files.jpeg(), "a.jpg") + END, "bad_request"),
    "no end": (picture(files.jpeg())[:-9], "bad_request"),
    "no name": (
        b'--limes\r\nContent-Disposition: form-data; filename="x"\r\n\r\n1\r\n' + END,
        "bad_request",
    ),
    "no head": (b"--limes\r\n\r\n1\r\n" + END, "bad_request"),
    "no form": (b"side=front", "bad_request"),
    "text without end": (part("side", bytes(9000)) + END, "bad_request"),
    "no UTF-8": (part("side", b"\xff") + picture(files.jpeg()) + END, "bad_request"),
    "many fields": (part("side", b"") * 40 + picture(files.jpeg()) + END, "bad_request"),
    "a form in a form": (
        b"--limes\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n" + END,
        "bad_request",
    ),
    "a long head": (b"--limes\r\nX: " + b"x" * 100_000 + b"\r\n\r\n1\r\n" + END, "bad_request"),
}


async def test_forms_that_are_none_of_ours_are_refused() -> None:
    async with receiving() as http:
        for name, (body, code) in FORMS.items():
            assert await send(http, body) == code, name
        good = picture(files.jpeg()) + END
        for kind in (
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "multipart/form-data; boundary=" + "x" * 200,
            "multipart/mixed; boundary=limes",
            "multipart/form-data; boundary=other",
            "",
        ):
            assert await send(http, good, kind) in {"bad_request", "picture_empty"}, kind
        assert len((await send(http, good))["sizes"]) == 1


async def test_a_file_of_exactly_the_limit_is_taken_and_a_larger_one_is_not_received() -> None:
    full = files.jpeg().ljust(MAX_BYTES, b"\0")
    async with receiving() as http:
        assert len((await send(http, picture(full) + END))["sizes"]) == 1
        assert await send(http, picture(full + b"x") + END) == "picture_too_large"

        async def endless() -> AsyncIterator[bytes]:
            yield picture(full)[:-2]
            for _ in range(16):
                yield bytes(2**16)

        assert await send(http, endless()) == "picture_too_large"
        assert await send(http, bytes(2 * MAX_BYTES)) == "picture_too_large"  # by its length


async def test_who_sends_nothing_more_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []
    close = spool.SealedSpool.close
    monkeypatch.setattr(spool.SealedSpool, "close", lambda self: (close(self), closed.append(True)))
    never = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        yield picture(files.jpeg())[:200]
        await never.wait()

    async def dripping() -> AsyncIterator[bytes]:
        for octet in picture(files.jpeg()):
            yield bytes([octet])
            await asyncio.sleep(0.02)

    async with receiving(patience=SenderPatience(silence=0.1, whole=60)) as http:
        assert await send(http, stalling()) == "picture_too_slow"
    async with receiving(patience=SenderPatience(silence=60, whole=0.3)) as http:
        assert await send(http, dripping()) == "picture_too_slow"
    assert closed == [True, True]


async def test_who_goes_away_in_the_middle_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    close = spool.SealedSpool.close

    def closing(self: spool.SealedSpool) -> None:
        close(self)
        loop.call_soon_threadsafe(over.set)

    monkeypatch.setattr(spool.SealedSpool, "close", closing)
    begun = asyncio.Event()

    async def half() -> AsyncIterator[bytes]:
        yield picture(files.jpeg())[:200]
        begun.set()
        await asyncio.Event().wait()

    async with receiving() as http:
        sending = asyncio.create_task(send(http, half()))
        await begun.wait()
        sending.cancel()
        await asyncio.wait({sending})
        await over.wait()
        assert len((await send(http, picture(files.jpeg()) + END))["sizes"]) == 1


async def test_one_sender_has_two_places_and_all_together_have_some() -> None:
    go = asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        yield picture(files.jpeg())[:200]
        await go.wait()
        yield picture(files.jpeg())[200:] + END

    good = picture(files.jpeg()) + END
    reader = UploadReader(Reencoder(), receiving=3)
    async with receiving_by(reader) as http:
        tasks = [asyncio.create_task(send(http, waiting(), owner="a")) for _ in range(2)]
        await until(lambda: reader._busy["a"] == 2)
        assert await send(http, good, owner="a") == "picture_busy"
        assert len((await send(http, good, owner="b"))["sizes"]) == 1
        tasks.append(asyncio.create_task(send(http, waiting(), owner="b")))
        await until(lambda: reader._busy["b"] == 1)
        assert await send(http, good, owner="c") == "picture_busy"
        go.set()
        assert all([len((await task)["sizes"]) == 1 for task in tasks])
        assert len((await send(http, good, owner="a"))["sizes"]) == 1
        assert not reader._busy


async def test_a_full_disk_is_no_fault_of_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: spool.SealedSpool, __: bytes) -> None:
        raise OSError(28, "No space left on device")

    async with receiving() as http:
        monkeypatch.setattr(spool.SealedSpool, "write", full)
        assert await send(http, picture(files.jpeg()) + END) == "unavailable"

        def none() -> spool.SealedSpool:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(upload, "SealedSpool", none)
        assert await send(http, picture(files.jpeg()) + END) == "unavailable"


@asynccontextmanager
async def own_process(*before: str) -> AsyncIterator[tuple[aiohttp.ClientSession, int]]:
    """Run the site in a process of its own; give what to ask it with, and its number."""
    site = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *before, "tests.portal.picture_site", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert site.stdout is not None
        ready = re.search(rb'"port": ?(\d+)', await site.stdout.readline())
        assert ready is not None
        connector = aiohttp.TCPConnector(limit=0)
        url = f"http://127.0.0.1:{ready[1].decode()}"
        async with aiohttp.ClientSession(url, connector=connector) as http:
            yield http, site.pid
    finally:
        site.terminate()
        await site.wait()


async def test_others_are_answered_while_a_picture_is_received_and_made_anew(
    tmp_path: Path,
) -> None:
    report = tmp_path / "report"
    photo = files.saved(files.card((4000, 3000)), "JPEG").ljust(MAX_BYTES, b"\0")
    async with own_process("tests.loop_watch", str(report)) as (http, _):
        await asyncio.to_thread(report.write_text, "")  # beginning may take what it takes
        assert len((await send(http, picture(photo) + END))["sizes"]) == 1
        assert not await asyncio.to_thread(report.read_text)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
async def test_a_hundred_uploads_at_once_are_not_in_memory() -> None:
    """The service's own memory; two children at a time have theirs, which ends with them."""
    body = picture(files.jpeg().ljust(4 * 2**20, b"\0")) + END
    async with own_process() as (http, number):
        sending = [send(http, body, owner=str(owner)) for owner in range(100)]
        answers = await asyncio.gather(*sending)
        assert [len(answer["sizes"]) for answer in answers] == [1] * 100
        status = await asyncio.to_thread(Path(f"/proc/{number}/status").read_text, "ascii")
    most = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert most is not None
    assert int(most[1]) < 300 * 1000, most[0]
