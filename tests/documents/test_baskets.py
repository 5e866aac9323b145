"""Baskets: what a file manager hands over, who may take it, and what is none."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

import msgspec
import pytest

from agent.documents import baskets
from agent.documents.baskets import Basket, BasketFile, BasketFolder, describe_file
from agent.documents.copies import WorkFolder, copy_chosen
from agent.errors import BadRequestError, ErrorCode, TooLargeError
from agent.pdf.wire import PdfError
from agent.size_limits import MAX_PDF

HOSTILE = (
    'quo"te.pdf',
    "new\nline.pdf",
    "semi;colon $(touch x) `x` & |.pdf",
    "\u202efdp.exe",
    "長" * 83 + ".pdf",  # 253 bytes
    "-x",
    "--window",
    "%1",
    "%f.pdf",
    os.fsdecode(b"not-unicode-\xff.pdf"),
    "'",
)
IDS = [f"name{number}" for number in range(len(HOSTILE))]
OTHER = "0123456789abcdef" * 2
JOINER = """
import sys
from pathlib import Path
from agent.documents.baskets import BasketFolder, describe_file
folder = BasketFolder(Path(sys.argv[1]))
for name in sys.argv[2:]:
    print("began" if folder.put([describe_file(Path(name))]) else "joined", flush=True)
"""


class Clock:
    """Seconds that pass when somebody waits."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path, clock: Clock) -> BasketFolder:
    return BasketFolder(tmp_path / "baskets", clock)


def made(folder: Path, name: str, content: bytes = b"%PDF-1.7") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", HOSTILE, ids=IDS)
def test_any_name_comes_through(
    folder: BasketFolder, clock: Clock, tmp_path: Path, name: str
) -> None:
    path = made(tmp_path, name)
    assert folder.put([describe_file(path)])
    (found,) = folder.take(folder.close(clock.wait)).files
    assert (found.place, found.size, found.problem) == (path, 8, "")
    with WorkFolder(tmp_path / "work") as work:
        assert copy_chosen(work, found).name == name


def test_calls_join_until_nobody_comes_any_more(
    folder: BasketFolder, clock: Clock, tmp_path: Path
) -> None:
    first, second, third = (made(tmp_path, f"{each}.pdf") for each in "abc")
    assert folder.put([describe_file(first)])
    clock.wait(0.7)
    assert not folder.put([describe_file(second)])
    waited: list[float] = []

    def wait(seconds: float) -> None:
        if not waited:
            assert not folder.put([describe_file(third), describe_file(first)])
        waited.append(seconds)
        clock.wait(seconds)

    basket = folder.take(folder.close(wait))
    assert [each.place for each in basket.files] == [first, second, third]
    assert sum(waited) == pytest.approx(baskets.JOIN_SECONDS)
    assert folder.put([describe_file(first)])  # the next begins another


def test_who_began_and_was_killed_keeps_nobody(
    folder: BasketFolder, clock: Clock, tmp_path: Path
) -> None:
    old, new = made(tmp_path, "old.pdf"), made(tmp_path, "new.pdf")
    assert folder.put([describe_file(old)])
    clock.wait(baskets.LOST_SECONDS + 1)
    assert folder.put([describe_file(new)])
    assert [each.place for each in folder.take(folder.close(clock.wait)).files] == [new]


def test_a_full_basket_is_closed_at_once_and_counts_the_rest(
    folder: BasketFolder, tmp_path: Path
) -> None:
    named = [BasketFile(os.fsencode(tmp_path / f"{each}.pdf")) for each in range(300)]
    assert folder.put(named[:10])
    assert not folder.put(named)
    basket = folder.take(folder.close(lambda _: pytest.fail("it waits")))
    assert (len(basket.files), basket.more) == (baskets.MAX_FILES, 44)


@pytest.mark.slow
def test_two_hundred_processes_at_once_join(tmp_path: Path) -> None:
    """Forty at a time, five calls each: the first began the basket, and all are in it."""
    state = tmp_path / "baskets"
    names = [str(made(tmp_path, f"{number}.pdf")) for number in range(200)]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", JOINER, state, *names[start::40]], stdout=subprocess.PIPE
        )
        for start in range(40)
    ]
    told = [each.communicate()[0].decode().split() for each in running]
    assert sorted(word for words in told for word in words) == ["began"] + ["joined"] * 199
    folder = BasketFolder(state)
    found = folder.take(folder.close())
    assert {str(each.place) for each in found.files} == set(names)


def test_a_basket_is_private_and_taken_once(
    folder: BasketFolder, clock: Clock, tmp_path: Path
) -> None:
    folder.put([describe_file(made(tmp_path, "a.pdf"))])
    identifier = folder.close(clock.wait)
    file = tmp_path / "baskets" / f"{identifier}.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    folder.take(identifier)
    with pytest.raises(BadRequestError):
        folder.take(identifier)


def write(tmp_path: Path, content: bytes, mode: int = 0o600) -> None:
    (tmp_path / "baskets").mkdir(exist_ok=True)
    file = tmp_path / "baskets" / f"{OTHER}.json"
    file.write_bytes(content)
    file.chmod(mode)


GOOD = msgspec.json.encode(Basket(1_000_000.0))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        GOOD + b" " * 10_000_000,
        GOOD[:-1] + b',"path":"/etc/passwd"}',
        GOOD.replace(b"1000000.0", b'1000000.0,"touched":1'),
        GOOD.replace(b"1000000.0", b"NaN"),
        GOOD.replace(b"1000000.0", b"990000.0"),
        GOOD.replace(b"1000000.0", b"1010000.0"),
        msgspec.json.encode({"touched": 1e6, "files": [{"path": ""}] * 257}),
    ],
    ids=["empty", "bare", "deep", "10MB", "more", "twice", "nan", "old", "future", "many"],
)
def test_what_our_command_has_not_written_is_no_basket(
    folder: BasketFolder, tmp_path: Path, content: bytes
) -> None:
    write(tmp_path, content)
    with pytest.raises(BadRequestError):
        folder.take(OTHER)


@pytest.mark.skipif(os.name != "posix", reason="modes and owners are POSIX's")
def test_one_that_others_wrote_or_read_is_none(
    folder: BasketFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, GOOD, 0o644)
    with pytest.raises(BadRequestError):
        folder.take(OTHER)
    write(tmp_path, GOOD)
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        with pytest.raises(BadRequestError):
            folder.take(OTHER)
    real = tmp_path / "real.json"
    (tmp_path / "baskets" / f"{OTHER}.json").rename(real)
    (tmp_path / "baskets" / f"{OTHER}.json").symlink_to(real)
    with pytest.raises(BadRequestError):
        folder.take(OTHER)


@pytest.mark.parametrize("name", ["", "../state", "filling", "0" * 31, "0" * 33, "A" * 32, OTHER])
def test_what_is_no_id_names_no_file(folder: BasketFolder, name: str) -> None:
    with pytest.raises(BadRequestError):
        folder.take(name)


def test_links_are_resolved_once(tmp_path: Path) -> None:
    target, link = made(tmp_path, "real.pdf"), tmp_path / "link.pdf"
    link.symlink_to(target)
    chosen = describe_file(link)
    assert chosen.place == target
    other = made(tmp_path, "other.pdf", b"%PDF-1.6")
    target.unlink()
    target.symlink_to(other)
    with WorkFolder(tmp_path / "work") as work, pytest.raises(OSError, match="symbolic link"):
        copy_chosen(work, chosen)


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def circle(folder: Path) -> Path:
    (folder / "circle").symlink_to(folder / "circle")
    return folder / "circle"


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda folder: folder, "no_file"),
        (pipe, "no_file"),
        (circle, "denied"),
        (lambda folder: folder / "gone.pdf", "missing"),
        (lambda folder: folder / "zero\0.pdf", "denied"),
        (lambda _: Path("/proc/self/environ"), "system"),
        (lambda _: Path("/dev/null"), "system"),
    ],
    ids=["folder", "pipe", "circle", "gone", "zero", "proc", "dev"],
)
def test_what_is_no_document_is_not_taken(
    tmp_path: Path, make: Callable[[Path], Path], problem: str
) -> None:
    assert describe_file(make(tmp_path)).problem == problem


@pytest.mark.parametrize(
    ("path", "is_so"),
    [
        (r"\\server\share\a.pdf", True),
        ("//server/share/a.pdf", True),
        (r"\\?\C:\a.pdf", True),
        (r"\\.\pipe\a", True),
        (r"C:\a.pdf", False),
        ("a.pdf", False),
    ],
)
def test_no_server_is_asked_for_a_file(path: str, is_so: bool) -> None:
    assert baskets.is_elsewhere(PureWindowsPath(path), "nt") is is_so
    assert not baskets.is_elsewhere(PureWindowsPath(path), "posix")


def test_a_file_that_changed_or_grows_is_another(tmp_path: Path) -> None:
    path = made(tmp_path, "a.pdf")
    chosen = describe_file(path)
    path.write_bytes(b"%PDF-1.8 longer")
    with WorkFolder(tmp_path / "work") as work, pytest.raises(PdfError) as raised:
        copy_chosen(work, chosen)
    assert raised.value.code is ErrorCode.DOCUMENT_CHANGED
    path.write_bytes(b"%PDF-1.8")  # as long as before, at another time
    os.utime(path, ns=(0, chosen.changed + 1))
    with WorkFolder(tmp_path / "work") as work, pytest.raises(PdfError):
        copy_chosen(work, chosen)
    os.utime(path, ns=(0, chosen.changed))
    with WorkFolder(tmp_path / "work") as work:
        copy_chosen(work, chosen)
        with pytest.raises(TooLargeError):
            copy_chosen(work, msgspec.structs.replace(chosen, size=MAX_PDF + 1))


def test_a_name_with_a_tilde_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "~nobody.of.that.name.pdf"
    assert describe_file(Path(file.name)).problem == "missing"
    file.write_bytes(b"%PDF-")
    assert describe_file(Path(file.name)).place == file
