"""A picture is made anew in a process of its own, whatever happens to that process."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.portal.errors import PortalCode, PortalError
from agent.portal.pictures import process, reencoder
from agent.portal.pictures.jpeg import is_plain_jpeg
from agent.portal.pictures.process import ChildProcess, read_answer
from agent.portal.pictures.reencode import reencode
from agent.portal.pictures.reencoder import Reencoder
from agent.portal.pictures.spool import SealedSpool
from tests.portal import picture_files as files
from tests.portal.picture_site import until

UNIX = pytest.mark.skipif(sys.platform == "win32", reason="it has no such limits")
CHILD = "from agent.portal.pictures import child, limits; import os, sys, time\n"
GIVEN = "child.main(sys.stdin.buffer, sys.stdout.buffer)\n"


def script(text: str) -> ChildProcess:
    return ChildProcess(("-c", CHILD + text))


def refusal(child: ChildProcess, *pieces: bytes) -> PortalCode:
    with pytest.raises(PortalError) as raised:
        child.run(pieces or [files.jpeg()])
    return raised.value.code


def outcome_of(child: ChildProcess, file: bytes) -> PortalCode | tuple[bytes, ...]:
    try:
        return child.run([file])
    except PortalError as error:
        return error.code


def test_the_child_answers_as_the_function_does() -> None:
    for file in (files.jpeg(), files.heic(), files.pdf(2)):
        assert ChildProcess().run([file[:9], file[9:]]) == reencode(file)
    assert refusal(ChildProcess(), b"") is PortalCode.PICTURE_EMPTY
    assert refusal(ChildProcess(), b"GIF89a") is PortalCode.PICTURE_KIND_UNKNOWN
    assert refusal(ChildProcess(), bytes(11 * 2**20)) is PortalCode.PICTURE_TOO_LARGE


CRASHES = {
    "aborts": "os.abort()",
    "ends at once": "os._exit(0)",
    "says nothing": "",
    "says something else": "print('hello')",
    "says another code": """print('{"refused": "already_gold"}')""",
    "says no code": """print('{"refused": "picture_of_an_egg"}')""",
    "promises what does not come": """print('{"sizes": [9]}')""",
    "sends back what it got": """
data = sys.stdin.buffer.read()
print('{"sizes": [%d]}' % len(data), flush=True)
sys.stdout.buffer.write(data)""",
    "says too much": """
while True:
    sys.stdout.buffer.write(bytes(2**20))""",
}


@pytest.mark.parametrize("crash", CRASHES)
def test_a_child_that_crashes_or_lies_is_a_refusal(crash: str) -> None:
    file = files.with_segment(files.jpeg(), 0xFE, files.MARKER)
    assert refusal(script(CRASHES[crash]), file) is PortalCode.PICTURE_DAMAGED


def test_a_child_that_cannot_begin_is_no_fault_of_the_picture(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for text in ("import no_such_library", "os._exit(3)"):
        assert refusal(script(text)) is PortalCode.UNAVAILABLE
    assert "ended with status 3" in caplog.text


def test_one_answer_is_taken_whole_or_not_at_all() -> None:
    (plain,) = reencode(files.jpeg())
    size = len(plain)
    assert read_answer(b'{"sizes": [%d]}\n' % size + plain) == (plain,)
    assert read_answer(b'{"sizes": [%d, %d]}\n' % (size, size) + plain * 2) == (plain, plain)
    for answer in (
        b'{"sizes": []}\n',
        b'{"sizes": [%d]}\n' % size + plain + b"x",
        b'{"sizes": [%d]}\n' % (size - 1) + plain,
        b'{"sizes": [%d, -1]}\n' % size + plain,
        b'{"sizes": [%d, 0]}\n' % size + plain,
        b'{"sizes": [%d, %d, %d]}\n' % (size, size, size) + plain * 3,
        b'{"sizes": [%d], "more": 1}\n' % size + plain,
    ):
        with pytest.raises(PortalError, match="picture_damaged"):
            read_answer(answer)


def test_a_child_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WALL_SECONDS", 0.2)
    assert refusal(script("time.sleep(600)")) is PortalCode.PICTURE_TOO_COMPLEX
    # Also one that is still being given its file.
    assert refusal(script("time.sleep(600)"), *[bytes(2**20)] * 9) is PortalCode.PICTURE_TOO_COMPLEX


@UNIX
def test_the_child_has_limits() -> None:
    largest = files.with_size("png", files.marked_png(), 10_000, 5000)
    for text in (
        "child.CPU_SECONDS = 1; child.limit_resources()\nwhile True: pass",
        "child.MEMORY_BYTES = 200 * 2**20\n" + GIVEN,
    ):
        assert refusal(script(text), largest) is PortalCode.PICTURE_TOO_COMPLEX
    checks = """
import resource
child.limit_resources()
child.open_nothing_more()
for name in ("CORE", "FSIZE", "NOFILE"):
    assert resource.getrlimit(getattr(resource, "RLIMIT_" + name)) == (0, 0)
print('{"refused": "picture_encrypted"}')
"""
    assert refusal(script(checks)) is PortalCode.PICTURE_ENCRYPTED


@UNIX
def test_a_limit_that_is_tighter_already_stays() -> None:
    text = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (5, 5))\n"
    assert script(text + GIVEN).run([files.jpeg()]) == reencode(files.jpeg())


@UNIX
def test_while_a_picture_is_decoded_nothing_else_can_be_opened(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"secret")
    (plain,) = reencode(files.jpeg())
    text = f"""
import socket
from agent.portal.pictures import reencode
def probe(data):
    for attempt in (lambda: open({str(tmp_path / "key")!r}), socket.socket, os.pipe):
        try:
            attempt()
        except OSError:
            continue
        os._exit(9)
    return ({plain!r},)
reencode.reencode = probe
"""
    assert script(text + GIVEN).run([files.jpeg()]) == (plain,)


KINDS = {
    "jpeg": files.marked_jpeg,
    "turned jpeg": lambda: files.jpeg(exif=files.exif(6)),
    "png": files.marked_png,
    "palette": lambda: files.saved(files.card().convert("P"), "PNG", transparency=0),
    "colour as transparency": lambda: files.saved(files.card(), "PNG", transparency=(0, 0, 0)),
    "grey": lambda: files.saved(files.card().convert("LA"), "PNG"),
    "sixteen bits": lambda: files.saved(files.card().convert("I;16"), "PNG"),
    "cmyk": lambda: files.saved(files.card().convert("CMYK"), "JPEG"),
    "several": lambda: files.saved(
        files.card(), "MPO", save_all=True, append_images=[files.card()]
    ),
    "webp": files.marked_webp,
    "lossy webp": lambda: files.saved(files.card(), "WEBP", quality=80),
    "heic": files.heic,
    "pdf": files.script_pdf,
    "scan": lambda: files.saved(files.card(), "PDF"),
    "encrypted": lambda: files.encrypted_pdf(""),
    "text": lambda: files.pdf(
        objects=[b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"],
        draw=b"BT /F 40 Tf 10 10 Td (Test) Tj ET",
    ).replace(b"/XObject << /X 4 0 R >>", b"/Font << /F 4 0 R >>"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_needs_only_what_was_loaded_before(kind: str) -> None:
    file = KINDS[kind]()
    assert ChildProcess().run([file]) == reencode(file)


def test_a_file_that_crashes_its_decoder_is_a_damaged_one() -> None:
    """One octet that is no UTF-8, in the type of its XMP, is the end of pi_heif 1.4.0."""
    file = files.heic().replace(b"rdf+xml", b"rdf+\x80ml")
    assert file != files.heic()
    outcome = outcome_of(ChildProcess(), file)
    assert outcome == PortalCode.PICTURE_DAMAGED or outcome == reencode(files.heic())


@UNIX
@pytest.mark.slow
def test_the_largest_pictures_fit_within_the_memory_that_there_is() -> None:
    from PIL import Image

    for mode, kind in (("RGBA", "PNG"), ("I;16", "PNG"), ("CMYK", "JPEG"), ("P", "PNG")):
        data = files.saved(Image.new(mode, (10_000, 5000)), kind)
        (result,) = ChildProcess().run([data])
        assert is_plain_jpeg(result), mode


@UNIX
def test_a_pdf_that_draws_for_ever_is_given_up() -> None:
    """Each form draws the next one fifty times: 50 to the power of 12 squares."""
    forms = [
        files.stream(
            b"/Type /XObject /Subtype /Form /BBox [0 0 300 200] /Resources << /XObject"
            b" << /X %d 0 R >> >>" % (number + 1),
            b"/X Do " * 50,
        )
        for number in range(4, 16)
    ]
    last = files.stream(b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]", b"0 0 9 9 re f")
    data = files.pdf(objects=[*forms, last], draw=b"/X Do")
    child = script("child.CPU_SECONDS = 1\n" + GIVEN)
    outcome = outcome_of(child, data)
    if isinstance(outcome, PortalCode):
        assert outcome in {PortalCode.PICTURE_TOO_COMPLEX, PortalCode.PICTURE_DAMAGED}
    else:  # it drew only so deep
        assert all(map(is_plain_jpeg, outcome))


def test_the_service_itself_loads_no_decoder() -> None:
    text = """
import sys, agent.portal.app
assert not {"PIL", "pi_heif", "pypdfium2"} & set(sys.modules)"""
    subprocess.run([sys.executable, "-c", text], check=True, timeout=60)


def test_the_child_is_told_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANKONG_PORTAL_DB", "postgresql://user:secret@127.0.0.1/portal")
    text = """
code = "picture_busy" if "secret" in str(os.environ) else "picture_empty"
print('{"refused": "%s"}' % code)"""
    assert refusal(script(text)) is PortalCode.PICTURE_EMPTY


SAMPLES = {
    "jpeg": files.marked_jpeg(),
    "png": files.marked_png(),
    "webp": files.marked_webp(),
    "heic": files.heic(),
    "pdf": files.script_pdf(),
}


@pytest.mark.parametrize("kind", SAMPLES)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 600), st.binary(min_size=1, max_size=4)), min_size=1, max_size=4
    )
)
def test_whatever_is_changed_in_a_file_it_is_refused_or_comes_out_plain(
    kind: str, changes: list[tuple[int, bytes]]
) -> None:
    data = bytearray(SAMPLES[kind])
    for at, octets in changes:
        place = at % len(data)
        data[place : place + len(octets)] = octets
    outcome = outcome_of(ChildProcess(), bytes(data))
    if isinstance(outcome, PortalCode):
        assert outcome.startswith("picture_")
        assert outcome is not PortalCode.PICTURE_BUSY
    else:
        assert all(map(is_plain_jpeg, outcome))
        assert not any(files.MARKER in result for result in outcome)


# Several at once


def spool(data: bytes) -> SealedSpool:
    file = SealedSpool()
    file.write(data)
    return file


class Gate(ChildProcess):
    """A child that begins when the test says so; notes how many there are at once."""

    opened = threading.Event()
    now = most = 0
    counting = threading.Lock()

    def run(self, pieces: Iterator[bytes]) -> tuple[bytes, ...]:  # type: ignore[override]  # as it is called
        with self.counting:
            Gate.now += 1
            Gate.most = max(Gate.most, Gate.now)
        assert self.opened.wait(60)
        try:
            return super().run(pieces)
        finally:
            with self.counting:
                Gate.now -= 1


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> type[Gate]:
    monkeypatch.setattr(reencoder, "ChildProcess", Gate)
    Gate.opened.clear()
    Gate.now = Gate.most = 0
    return Gate


async def test_some_are_made_the_others_wait_and_too_many_are_sent_away(gate: type[Gate]) -> None:
    made = Reencoder(at_once=2, waiting=3)
    tasks = [asyncio.create_task(made.reencode(spool(files.jpeg()))) for _ in range(5)]
    await until(lambda: gate.now == 2)
    late = await asyncio.to_thread(spool, files.jpeg())
    with pytest.raises(PortalError, match="picture_busy"):
        await made.reencode(late)
    with pytest.raises(ValueError, match="closed"):
        await asyncio.to_thread(late.write, b"x")
    gate.opened.set()
    results = await asyncio.gather(*tasks)
    assert gate.most == 2
    assert set(results) == {reencode(files.jpeg())}
    again = await asyncio.to_thread(spool, files.jpeg())
    assert len(await made.reencode(again)) == 1  # there is room again
    await made.close()


async def test_who_waits_too_long_is_told(
    gate: type[Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reencoder, "WAIT_SECONDS", 0.05)
    made = Reencoder(at_once=1)
    for _ in range(2):  # one that is being made, one that never began
        with pytest.raises(PortalError, match="picture_busy"):
            await made.reencode(await asyncio.to_thread(spool, files.jpeg()))
    gate.opened.set()
    await made.close()


async def test_who_goes_away_leaves_room(gate: type[Gate]) -> None:
    made = Reencoder(at_once=1, waiting=1)
    tasks = [asyncio.create_task(made.reencode(spool(files.jpeg()))) for _ in range(2)]
    await until(lambda: gate.now == 1)
    for task in tasks:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in outcomes)
    gate.opened.set()
    await until(lambda: not made._jobs)
    assert len(await made.reencode(await asyncio.to_thread(spool, files.jpeg()))) == 1
    await made.close()


async def test_a_service_that_ends_leaves_no_child(gate: type[Gate]) -> None:
    made = Reencoder(at_once=1)
    tasks = [asyncio.create_task(made.reencode(spool(files.jpeg()))) for _ in range(2)]
    await until(lambda: gate.now == 1)
    (child,) = made._children
    ending = asyncio.create_task(made.close())
    await until(lambda: child._process.poll() is not None)
    gate.opened.set()
    await ending
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(each) for each in outcomes] == ["picture_busy"] * 2
    with pytest.raises(PortalError, match="picture_busy"):
        await made.reencode(await asyncio.to_thread(spool, files.jpeg()))


async def test_no_room_for_a_process_is_no_fault_of_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> ChildProcess:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(reencoder, "ChildProcess", refuse)
    made = Reencoder()
    with pytest.raises(PortalError, match="unavailable"):
        await made.reencode(await asyncio.to_thread(spool, files.jpeg()))
    monkeypatch.undo()
    assert len(await made.reencode(await asyncio.to_thread(spool, files.jpeg()))) == 1
    await made.close()


def test_what_is_received_is_on_disk_and_nobody_can_read_it_there() -> None:
    file = SealedSpool()
    data = files.MARKER * 100_000
    for start in range(0, len(data), 70_001):
        file.write(data[start : start + 70_001])
    assert b"".join(file.pieces()) == data
    assert b"".join(file.pieces()) == data
    with os.fdopen(os.dup(file._file.fileno()), "rb") as raw:
        raw.seek(0)
        stored = raw.read()
    assert len(stored) == len(data)
    assert files.MARKER not in stored
    file.close()
    with pytest.raises(ValueError, match="closed"):
        next(file.pieces())
