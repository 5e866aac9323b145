"""``make reproduce`` compares all that two builds made, and names what differs, in which member."""

import gzip
import io
import lzma
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from devkit import reproduce as reproducing
from devkit import system
from devkit.differing import MOST_NAMED, differing_files, differing_members
from devkit.reproduce import Surroundings
from devkit.shell import SetupError

Same = Callable[[bytes, bytes], list[str]]


@pytest.fixture
def differ(tmp_path: Path) -> Same:
    """Return what says how two contents of one name differ."""

    def compare(first: bytes, second: bytes) -> list[str]:
        places = tmp_path / "first" / "file", tmp_path / "second" / "file"
        for place, content in zip(places, (first, second), strict=True):
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(content)
        return differing_members(*places)

    return compare


def tarred(files: dict[str, bytes], mode: int = 0o644, mtime: int = 7) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), mode, mtime
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def zipped(files: dict[str, bytes], year: int = 1980) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def ar(files: dict[str, bytes], mtime: int = 0) -> bytes:
    parts = [b"!<arch>\n"]
    for name, content in files.items():
        head = f"{name:16}{mtime:<12}{0:<6}{0:<6}{'100644':8}{len(content):<10}`\n"
        parts.append(head.encode() + content + b"\n" * (len(content) % 2))
    return b"".join(parts)


def deb(library: bytes) -> bytes:
    data = tarred({"./usr/lib/base.zip": zipped({"a.pyc": library, "b.pyc": b"same"})})
    return ar({"debian-binary": b"2.0\n", "data.tar.xz": lzma.compress(data)})


def test_what_is_the_same_is_not_named(differ: Same) -> None:
    for content in (b"", b"MZ", deb(b"abc"), b"!<arch>\nbroken", b"PK\3\4broken"):
        assert differ(content, content) == []


def test_the_member_of_the_innermost_archive_is_named(differ: Same) -> None:
    (line,) = differ(deb(b"abc" * 99), deb(b"abd" * 99))
    assert line.startswith("file: data.tar.xz: unpacked: ./usr/lib/base.zip: a.pyc: ")
    assert line.endswith("99 of 297 bytes differ, the first at 0x2")


def test_times_and_modes_of_members_are_told(differ: Same) -> None:
    files = {"a": b"1", "b": b"2"}
    told = differ(tarred(files, 0o644), tarred(files, 0o600))
    assert told == [f"file: {name} (head): 644 7 0/0// and 600 7 0/0//" for name in "ab"]
    assert differ(ar(files, 1), ar(files, 2))[0].startswith("file: a (head): a 1 0 0 ")
    assert "(1999, 1, 1" in differ(zipped(files, 1999), zipped(files, 2000))[0]


def test_what_only_one_of_them_has_is_told(differ: Same) -> None:
    told = differ(zipped({"a": b"", "b": b""}), zipped({"b": b"", "c": b""}))
    assert "file: a is in the first build alone" in told
    assert "file: c is in the second build alone" in told
    assert differ(zipped({"a": b"", "b": b""}), zipped({"b": b"", "a": b""})) == [
        "file: the order of its members"
    ]


def test_a_run_files_script_and_payload_are_told_apart(differ: Same) -> None:
    payload = lzma.compress(tarred({"./begin.sh": b"1"}))
    other = lzma.compress(tarred({"./begin.sh": b"2"}))
    assert differ(b"#!/bin/sh\nx=1\n" + payload, b"#!/bin/sh\nx=2\n" + payload) == [
        "file: line 2 of its script: x=1 and x=2"
    ]
    (line,) = differ(b"#!/bin/sh\n" + payload, b"#!/bin/sh\n" + other)
    assert line == "file: payload: unpacked: ./begin.sh: 1 and 2"


def test_how_it_was_packed_is_a_difference_too(differ: Same) -> None:
    first, second = gzip.compress(b"abc", 9, mtime=1), gzip.compress(b"abc", 9, mtime=2)
    (line,) = differ(first, second)
    assert line == f"file: 1 of {len(first)} bytes differ, the first at 0x4"


@pytest.mark.parametrize("start", [b"!<arch>\n", b"PK\3\4", b"\xfd7zXZ\0", b"\x1f\x8b", b"MZ"])
def test_a_broken_archive_is_compared_as_bytes(differ: Same, start: bytes) -> None:
    (line,) = differ(start + b"x" * 300, start + b"y" * 300)
    assert "300 of" in line
    assert differ(start + b"x" * 300, start + b"x" * 400) != []


def test_folders_differ_in_contents_modes_and_times(tmp_path: Path) -> None:
    for name, content in (("a", b"12"), ("b", b"13")):
        folder = tmp_path / name / "deep"
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(content)
        (folder / "link").symlink_to(name)
    told = " ".join(differing_files(tmp_path / "a", tmp_path / "b"))
    assert "deep/file: 12 and 13" in told
    assert "deep/link: link to a and link to b" in told
    assert differing_files(tmp_path / "a", tmp_path / "a") == []
    assert differing_files(tmp_path / "none", tmp_path / "neither") == []


# The whole chore, with builds that write what they are told to.

Chore = Callable[[dict[str, tuple[bytes | None, bytes | None]]], int]


@pytest.fixture
def chore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chore:
    monkeypatch.setattr(reproducing, "PLACE", tmp_path / "place")
    monkeypatch.setattr(reproducing, "_make_locale", lambda: None)
    monkeypatch.setattr(reproducing, "output", lambda _command: "c0ffee")
    monkeypatch.setattr(system, "ensure", lambda _packages: None)

    def run(files: dict[str, tuple[bytes | None, bytes | None]]) -> int:
        builds = iter((0, 1))

        def build(how: Surroundings, commit: str, _systems: Sequence[str]) -> None:
            assert commit == "c0ffee"
            number = next(builds)
            out = how.folder / reproducing.OUT
            out.mkdir(parents=True)
            (how.folder / "sources").touch()
            for name, contents in files.items():
                content = contents[number]
                if content is not None:
                    (out / name).write_bytes(content)
            program = how.folder / "build" / "windows" / "ankong"
            program.mkdir(parents=True)
            (program / "some.dll").write_bytes(bytes([number]) * 200)

        monkeypatch.setattr(reproducing, "_build", build)
        return reproducing.reproduce(reproducing.SYSTEMS)

    return run


def test_two_builds_that_are_the_same_leave_their_files_alone(
    chore: Chore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert chore({"a.deb": (b"1", b"1"), "SHA256SUMS": (b"2", b"2")}) == 0
    told = capsys.readouterr().out
    assert told.count("the same") == 2
    assert told.endswith("· reproducible\n")
    left = {path.name for path in (tmp_path / "place").rglob("*") if path.is_file()}
    assert left == {"a.deb", "SHA256SUMS"}


@pytest.mark.parametrize("second", [b"2" * 200, None])
def test_one_file_of_any_kind_that_differs_fails(
    chore: Chore, capsys: pytest.CaptureFixture[str], second: bytes | None
) -> None:
    assert chore({"a.deb": (b"1", b"1"), "new.msi": (b"1" * 200, second)}) == 1
    told = capsys.readouterr().out
    assert "not reproducible: new.msi\n" in told
    assert "both builds are kept in" in told
    if second is None:
        assert "in the first build alone" in told
    else:
        assert "new.msi: 200 of 200 bytes differ, the first at 0x0" in told
        assert "build/windows/ankong/some.dll: 200 of 200 bytes differ" in told


def test_many_differences_are_counted(chore: Chore, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"member-{number:02}" for number in range(MOST_NAMED + 5)]
    first = zipped(dict.fromkeys(names, b"1"))
    second = zipped(dict.fromkeys(names, b"2"))
    assert chore({"some.zip": (first, second)}) == 1
    told = capsys.readouterr().out
    assert names[MOST_NAMED - 1] in told
    assert names[MOST_NAMED] not in told
    assert "    and 5 more\n" in told


def test_two_builds_of_nothing_prove_nothing(chore: Chore) -> None:
    with pytest.raises(SetupError, match="neither build made a file"):
        chore({})


def test_a_build_that_fails_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproducing, "PLACE", tmp_path)
    monkeypatch.setattr(reproducing, "ROOT", tmp_path / "no-clone")
    how = Surroundings(tmp_path / "first", 0o022, {})
    with pytest.raises(SetupError, match="failed"):
        reproducing._build(how, "c0ffee", ["linux"])


def test_the_two_builds_have_little_in_common() -> None:
    first, second = reproducing.surroundings()
    assert first.umask != second.umask
    assert len(str(second.folder)) > len(str(first.folder)) + 40
    for name in ("TZ", "LC_ALL", "LANG", "PYTHONHASHSEED"):
        assert first.variables[name] != second.variables[name]


def test_what_a_build_is_given_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproducing, "PLACE", tmp_path)
    monkeypatch.setattr(reproducing, "ROOT", tmp_path / "clone")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("ANKONG_SIGN", "sign")
    git = ["git", "-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
    dev = tmp_path / "clone" / "installer" / "dev.py"
    dev.parent.mkdir(parents=True)
    dev.write_text(
        "import os, sys\nmask = os.umask(0)\n"
        "keys = ('TZ', 'PYTHONPATH', 'ANKONG_SIGN')\n"
        "told = [oct(mask), *map(os.environ.get, keys), *sys.argv[1:]]\n"
        "open(os.path.join(os.path.dirname(__file__), 'told'), 'w').write(repr(told))\n"
    )
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "Begin"]):
        subprocess.run([*git, *words], cwd=tmp_path / "clone", check=True)
    told_commit = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=tmp_path / "clone",
        capture_output=True,
        text=True,
        check=True,
    )
    dev.write_text("import sys\nsys.exit('a commit that came while it was built')\n")
    subprocess.run([*git, "commit", "-qam", "Spoil it"], cwd=tmp_path / "clone", check=True)
    how = Surroundings(tmp_path / "first", 0o027, {"TZ": "Asia/Kathmandu"})
    reproducing._build(how, told_commit.stdout.strip(), ["windows"])
    told = (how.folder / "installer" / "told").read_text()
    assert told == repr(["0o27", "Asia/Kathmandu", None, None, "installers", "--only", "windows"])
    assert dev.with_name("dev.py").stat().st_mode & 0o777 != 0o640
    assert (how.folder / "installer" / "dev.py").stat().st_mode & 0o777 == 0o640
