"""The one file tool: whole files, private ones, and nothing through a planted link."""

import ast
import errno
import multiprocessing
import os
import shutil
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.database import connect
from agent.files import (
    SCRATCH,
    FileTooLargeError,
    create_file,
    ensure_file,
    private_opener,
    read_at_most,
    read_file,
    remove_leftovers,
    replace_file,
)
from agent.host.instance.install_key import InstallKey
from agent.host.instance.panel_key import PanelKey
from agent.host.instance.quitting import StillRunningError, end_running
from agent.host.instance.running import Instance
from agent.host.machine.logs import logging_to
from agent.host.machine.paths import Paths
from agent.host.settings.preferences import Preferences
from agent.host.tls import identity
from agent.host.tls.manifest import Manifest, TrustStep
from agent.host.update.memory import UpdateMemory
from agent.portal.store.keyring import load_or_create_keyring
from agent.setup.owned_files import sort_contents

ROOT = Path(__file__).resolve().parents[2]
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
pytestmark = posix_only


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def plant_file_link(path: Path, precious: Path) -> None:
    path.symlink_to(precious / "file")


def plant_link_to_nowhere(path: Path, precious: Path) -> None:
    path.symlink_to(precious / "nowhere")


def plant_folder_link(path: Path, precious: Path) -> None:
    path.symlink_to(precious)


def plant_fifo(path: Path, precious: Path) -> None:
    del precious
    os.mkfifo(path)


PLANTED = [plant_file_link, plant_link_to_nowhere, plant_folder_link, plant_fifo]
Plant = Callable[[Path, Path], None]


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder of somebody else, with one file."""
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "file").write_bytes(b"precious")
    (folder / "file").chmod(0o644)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ours"
    made.mkdir(mode=0o700)
    return made


def is_untouched(precious: Path) -> bool:
    names = [path.name for path in precious.iterdir()]
    file = precious / "file"
    return names == ["file"] and file.read_bytes() == b"precious" and mode(file) == 0o644


# What is replaced.


@pytest.mark.parametrize("wanted", [0o600, 0o644, 0o755])
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_a_file_is_replaced_with_the_mode_that_is_wanted(
    folder: Path, wanted: int, umask: int
) -> None:
    path = folder / "file"
    before = os.umask(umask)
    try:
        replace_file(path, b"old")
        assert mode(path) == 0o600
        replace_file(path, b"new", mode=wanted)
    finally:
        os.umask(before)
    assert (path.read_bytes(), mode(path)) == (b"new", wanted)
    assert list(folder.iterdir()) == [path]


def test_nobody_else_can_read_it_before_it_is_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    opened = os.open

    def watched(path: Path, flags: int, given: int = 0o777) -> int:
        descriptor = opened(path, flags, given)
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(os, "open", watched)
    before = os.umask(0)
    try:
        replace_file(folder / "file", b"new", mode=0o644)
    finally:
        os.umask(before)
    assert seen[0] == 0o600


@pytest.mark.parametrize("plant", PLANTED)
def test_what_is_planted_is_replaced_and_not_followed(
    folder: Path, precious: Path, plant: Plant
) -> None:
    path = folder / "file"
    plant(path, precious)
    replace_file(path, b"new")
    assert stat.S_ISREG(path.lstat().st_mode)
    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)
    assert is_untouched(precious)


def test_a_link_stays_where_that_is_asked_for(folder: Path, precious: Path) -> None:
    path = folder / "file"
    plant_file_link(path, precious)
    replace_file(path, b"new", follow_links=True)
    assert path.is_symlink()
    assert (precious / "file").read_bytes() == b"new"
    assert [each.name for each in precious.iterdir()] == ["file"]


def test_a_circle_of_links_is_an_error(folder: Path) -> None:
    path = folder / "file"
    path.symlink_to(path)
    with pytest.raises(OSError, match="file"):
        replace_file(path, b"new", follow_links=True)
    assert list(folder.iterdir()) == [path]


def test_a_folder_of_that_name_is_an_error_and_nothing_is_left(folder: Path) -> None:
    (folder / "file").mkdir()
    with pytest.raises(IsADirectoryError, match=r"file'$"):
        replace_file(folder / "file", b"new")
    with pytest.raises(FileExistsError, match=r"file'$"):
        create_file(folder / "file", b"new")
    assert [path.name for path in folder.iterdir()] == ["file"]


@pytest.mark.parametrize("failing", ["write", "fsync", "rename"])
def test_what_fails_leaves_the_old_file_and_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    path = folder / "file"
    replace_file(path, b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    target = {"write": "os.fdopen", "fsync": "os.fsync", "rename": "pathlib.Path.replace"}[failing]
    monkeypatch.setattr(target, full)
    with pytest.raises(OSError, match=r"No space left on device: '.*/file'$"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(folder.iterdir()) == [path]


IN_A_SMALL_WORLD = """
import errno, os, sys
from pathlib import Path
from agent.files import create_file, replace_file
folder = Path(sys.argv[1])
for write in (replace_file, create_file):
    try:
        write(folder / ("old" if write is replace_file else "new"), b"x" * 100_000)
    except OSError as error:
        print(errno.errorcode[error.errno], end=" ")
print((folder / "old").read_bytes(), os.listdir(folder))
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
@pytest.mark.parametrize(
    ("options", "code"), [("size=16k", "ENOSPC"), ("ro", "EROFS")], ids=["full", "read-only"]
)
def test_a_full_disk_and_a_read_only_one_keep_the_old_file(
    folder: Path, options: str, code: str
) -> None:
    script = (
        'mount -t tmpfs -o size=16k none "$1" && echo old > "$1/old" && '
        f'mount -o remount,{options} "$1" && exec "$2" -c "$3" "$1"'
    )
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(folder), sys.executable]
    done = subprocess.run(
        [*command, textwrap.dedent(IN_A_SMALL_WORLD)], capture_output=True, text=True, check=False
    )
    if "unshare failed" in done.stderr or "mount" in done.stderr:
        pytest.skip("no private mounts here")
    assert done.stdout == f"{code} {code} b'old\\n' ['old']\n", done.stderr


@pytest.mark.parametrize("number", [5, 32])
def test_windows_is_asked_again_while_a_scanner_holds_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    replaced = Path.replace
    left = [1, 1]

    def held(self: Path, target: Path) -> Path:
        if left:
            left.pop()
            error = PermissionError(errno.EACCES, "held")
            error.winerror = number  # type: ignore[attr-defined]  # only Windows has it
            raise error
        return replaced(self, target)

    monkeypatch.setattr(Path, "replace", held)
    replace_file(folder / "file", b"new")
    assert (folder / "file").read_bytes() == b"new"


# What is made once.


@pytest.mark.parametrize("plant", PLANTED)
def test_nothing_is_made_where_something_is(folder: Path, precious: Path, plant: Plant) -> None:
    path = folder / "file"
    plant(path, precious)
    with pytest.raises(FileExistsError):
        create_file(path, b"new")
    assert is_untouched(precious)
    assert list(folder.iterdir()) == [path]


def _create(path: Path, content: bytes) -> bool:
    try:
        create_file(path, content)
    except FileExistsError:
        return False
    return True


def test_of_several_processes_one_makes_it(folder: Path) -> None:
    contents = [bytes([number]) * 1000 for number in range(8)]
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        made = pool.starmap(_create, [(folder / "file", content) for content in contents])
    assert made.count(True) == 1
    assert (folder / "file").read_bytes() == contents[made.index(True)]
    assert mode(folder / "file") == 0o600
    assert [path.name for path in folder.iterdir()] == ["file"]


# What is read.


def test_a_file_is_read_up_to_its_limit(folder: Path) -> None:
    path = folder / "file"
    path.write_bytes(b"12345")
    assert read_file(path, 5) == b"12345"
    with pytest.raises(FileTooLargeError, match="longer than 4 bytes"):
        read_file(path, 4)
    with pytest.raises(FileNotFoundError):
        read_file(folder / "missing", 4)
    with pytest.raises(IsADirectoryError):
        read_file(folder, 4)


def test_a_pipe_is_read_up_to_its_limit_as_well() -> None:
    for limit, expected in ((5, b"12345"), (4, None)):
        source, sink = os.pipe()
        with os.fdopen(source, "rb") as file:
            os.write(sink, b"123")
            os.write(sink, b"45")
            os.close(sink)
            if expected is None:
                with pytest.raises(FileTooLargeError, match="longer than 4 bytes"):
                    read_at_most(file, limit)
            else:
                assert read_at_most(file, limit) == expected


def test_a_file_that_says_it_is_too_long_is_not_read(folder: Path) -> None:
    with (folder / "file").open("w+b") as file:
        file.truncate(1 << 40)
        with pytest.raises(FileTooLargeError):
            read_at_most(file, 1 << 39)
        assert file.tell() == 0


@pytest.mark.parametrize("plant", PLANTED)
def test_what_is_planted_is_not_read_and_not_waited_for(
    folder: Path, precious: Path, plant: Plant
) -> None:
    path = folder / "file"
    plant(path, precious)
    with pytest.raises(OSError, match=r"is a symbolic link|is not a regular file"):
        read_file(path, 100)
    with pytest.raises(OSError, match=r"is a symbolic link|is not a regular file"):
        ensure_file(path)
    assert is_untouched(precious)


def test_a_link_is_read_where_that_is_asked_for(folder: Path, precious: Path) -> None:
    path = folder / "file"
    plant_file_link(path, precious)
    assert read_file(path, 100, follow_links=True) == b"precious"
    path.unlink()
    os.mkfifo(folder / "pipe")
    path.symlink_to(folder / "pipe")
    with pytest.raises(OSError, match="is not a regular file"):
        read_file(path, 100, follow_links=True)


def test_a_file_for_a_library_is_private_and_keeps_what_is_in_it(folder: Path) -> None:
    path = folder / "file"
    before = os.umask(0)
    try:
        ensure_file(path)
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    with open(path, "a", encoding="ascii", opener=private_opener) as file:  # takes an opener
        file.write("line")
    ensure_file(path)
    assert path.read_bytes() == b"line"


# Those who use it.


def write_preferences(path: Path) -> None:
    Preferences(path).set_update_check(False)


def write_manifest(path: Path) -> None:
    manifest = Manifest(path.with_name("other"))
    manifest.path = path
    manifest.record(TrustStep("chromium", "x", "0" * 64))


def write_certificates(path: Path) -> None:
    identity.renew(path.parent)


def announce(path: Path) -> None:
    with Instance(Paths(path.parent)) as instance:
        instance.announce(port=28443)


def ask_to_end(path: Path) -> None:
    with Instance(Paths(path.parent)), pytest.raises(StillRunningError):
        end_running(Paths(path.parent), seconds=0.2)


def log(path: Path) -> None:
    with logging_to(path.parent):
        pass


def open_database(path: Path) -> None:
    connect(path).close()


WRITERS: list[tuple[str, Callable[[Path], object]]] = [
    ("install.key", InstallKey.ensure),
    ("panel.key", PanelKey.create),
    ("preferences.json", write_preferences),
    ("trust.json", write_manifest),
    ("update.json", UpdateMemory().write),
    ("authority.pem", write_certificates),
    ("leaf-0.pem", write_certificates),
    ("instance.lock", announce),
    ("instance.json", announce),
    ("quit.request", ask_to_end),
    ("ankong.log", log),
    ("history.sqlite", open_database),
    ("portal.db.key", load_or_create_keyring),
]


@pytest.mark.parametrize("plant", PLANTED)
@pytest.mark.parametrize(("name", "write"), WRITERS, ids=[name for name, _ in WRITERS])
def test_no_writer_of_ours_follows_a_planted_link(
    folder: Path, precious: Path, name: str, write: Callable[[Path], object], plant: Plant
) -> None:
    plant(folder / name, precious)
    try:
        write(folder / name)
    except OSError as error:
        assert error.errno in {errno.ELOOP, errno.EINVAL, errno.ENXIO}  # noqa: PT017  # it need not be raised
    assert is_untouched(precious)


def test_rolled_logs_are_private_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import structlog

    monkeypatch.setattr("agent.host.machine.logs.MAX_FILE_SIZE", 200)
    before = os.umask(0)
    try:
        with logging_to(folder):
            for number in range(10):
                structlog.get_logger("test").warning("a line that fills the file", number=number)
    finally:
        os.umask(before)
    assert len(list(folder.iterdir())) > 2
    assert {mode(path) for path in folder.iterdir()} == {0o600}


def test_what_killed_processes_left_goes_and_nothing_else(folder: Path) -> None:
    names = [f".ankong-{number:016x}.new" for number in range(4)]
    for name in (*names, ".ankong-0.new", "file.new"):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (0, 0))
    (folder / names[1]).touch()  # somebody is writing it
    (folder / names[2]).unlink()
    (folder / names[2]).mkdir()
    remove_leftovers(folder)
    assert {path.name for path in folder.iterdir()} == {
        *(names[1], names[2]),
        *(".ankong-0.new", "file.new"),
    }
    remove_leftovers(folder / "missing")


def test_what_a_killed_process_left_is_ours_to_remove(tmp_path: Path) -> None:
    for name in ("", "tls", "issuer"):
        place = tmp_path / name
        place.mkdir(exist_ok=True)
        (place / f".ankong-{'0' * 16}.new").touch()
    found = sort_contents(tmp_path)
    assert len(found.files) == 3
    assert found.foreign == []
    assert all(SCRATCH.fullmatch(path.name) for path in found.files)


# Nobody else writes files.

PRODUCT = ("agent", "tray", "installer/linux/wizard")
REASON = "# another way: "


def writes(call: ast.Call) -> bool:
    """Tell whether a call makes or changes a file by itself."""
    match call.func:
        case ast.Attribute(attr="write_text" | "write_bytes" | "touch"):
            return True
        case ast.Attribute(value=ast.Name(id="os"), attr="open"):
            return True
        case ast.Attribute(value=ast.Name(id="tempfile"), attr="NamedTemporaryFile" | "mkstemp"):
            return True
        case ast.Attribute(attr="open"):
            how = call.args[:1]
        case ast.Name(id="open"):
            how = call.args[1:2]
        case _:
            return False
    how += [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    return any(
        isinstance(each, ast.Constant) and set(str(each.value)) & set("wax+") for each in how
    )


def test_every_other_writer_says_why_beside_it() -> None:
    silent = []
    for folder in PRODUCT:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path == ROOT / "agent" / "files.py":
                continue
            lines = path.read_text("utf-8").splitlines()
            for node in ast.walk(ast.parse("\n".join(lines))):
                if isinstance(node, ast.Call) and writes(node):
                    beside = lines[max(0, node.lineno - 2) : node.end_lineno]
                    if not any(REASON in line for line in beside):
                        silent.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert silent == []
