"""The bill of materials has what procurement asks for, and CycloneDX's own judge takes it."""

import argparse
import json
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from devkit import channels, chores, release, system, venv
from devkit.channel.built import BuiltRelease
from devkit.channel.verdict import ChannelVerdict, ReleaseChannel
from devkit.shell import SetupError
from frozen import bill, sbom

from agent import __version__

WHEN = 1_790_000_000  # 2026-09-21
JUDGE = JsonStrictValidator(SchemaVersion.V1_6)


@pytest.fixture
def parts(tmp_path: Path) -> list[sbom.BundledComponent]:
    text = tmp_path / "LICENSE"
    text.write_text("do what you like")
    code = tmp_path / "thing.py"
    code.write_text("1\n")
    rest = ("MIT", (text,), "A. Maker", (("thing.py", code),))
    return [
        sbom.BundledComponent("thing", "1.0", "pkg:pypi/thing@1.0", *rest),
        sbom.BundledComponent("silent", "2:1+b1", "pkg:deb/debian/silent@2:1+b1", "", (text,)),
    ]


def written(folder: Path, parts: list[sbom.BundledComponent], when: int = WHEN) -> dict[str, Any]:
    licence = folder / "own"
    folder.mkdir()
    licence.write_text("MIT")
    sbom.write(folder / "legal", __version__, parts, licence, when)
    found: dict[str, Any] = json.loads((folder / "legal" / sbom.FILE).read_text("utf-8"))
    return found


def assert_valid(found: Mapping[str, Any]) -> None:
    assert JUDGE.validate_str(bill.text(found)) is None


def test_the_judge_refuses_what_is_wrong(
    tmp_path: Path, parts: list[sbom.BundledComponent]
) -> None:
    found = written(tmp_path / "a", parts)
    assert_valid(found)
    assert JUDGE.validate_str(bill.text({**found, "serialNumber": "7"})) is not None
    assert JUDGE.validate_str(bill.text({**found, "unheard": 1})) is not None


def test_it_says_who_made_what_and_when(tmp_path: Path, parts: list[sbom.BundledComponent]) -> None:
    found = written(tmp_path / "a", parts)
    said = found["metadata"]
    assert said["timestamp"] == "2026-09-21T14:13:20Z"
    assert said["authors"] == [{"name": bill.AUTHOR}]
    assert said["component"]["supplier"] == {"name": bill.AUTHOR}
    thing, silent = found["components"]
    assert thing["supplier"] == {"name": "A. Maker"}
    assert silent["supplier"] == {"name": bill.UNSTATED}
    for row in found["components"]:
        assert row["name"]
        assert row["version"]
        assert row["purl"] == row["bom-ref"]
    uses = {row["ref"]: row["dependsOn"] for row in found["dependencies"]}
    assert uses["ankong"] == [thing["purl"], silent["purl"]]


def test_a_hash_is_of_what_was_collected(
    tmp_path: Path, parts: list[sbom.BundledComponent]
) -> None:
    thing, silent = written(tmp_path / "a", parts)["components"]
    # printf '1\n' | sha256sum | sed 's/-/thing.py/' | sha256sum
    wanted = "e44148e16998763d74b0a4d3d5eb98b3ccc1e3a449e3eaa46dd6111c6f85a0e9"
    assert thing["hashes"] == [{"alg": "SHA-256", "content": wanted}]
    assert "hashes" not in silent
    parts[0].files[0][1].write_text("2\n")
    (again, _) = written(tmp_path / "b", parts)["components"]
    assert again["hashes"] != thing["hashes"]


def test_the_same_sources_give_the_same_bill_and_others_another(
    tmp_path: Path, parts: list[sbom.BundledComponent]
) -> None:
    first, second = written(tmp_path / "a", parts), written(tmp_path / "b", parts)
    assert first == second
    assert UUID(first["serialNumber"].removeprefix("urn:uuid:")).version == 5
    assert written(tmp_path / "c", parts, WHEN + 1)["serialNumber"] != first["serialNumber"]
    assert written(tmp_path / "d", parts[:1])["serialNumber"] != first["serialNumber"]


def test_names_of_files_say_nothing_of_the_place() -> None:
    files = [("b", b"2"), ("a", b"1")]
    assert bill.digest(files) == bill.digest(reversed(files))
    assert bill.digest(files) != bill.digest([("a", b"2"), ("b", b"1")])


# A release.


def write_sums(found: BuiltRelease, out: Path) -> str:
    sums = {name: file.sha256 for name, file in found.files.items()}
    (out / "sums.json").write_text(json.dumps(sums))
    return ""


def says_nothing(_: BuiltRelease, __: Path) -> ChannelVerdict:
    return ChannelVerdict(())


EVERY_SUM = ReleaseChannel("sums", write_sums, says_nothing, "")
LARGE = ReleaseChannel("large", write_sums, says_nothing, "", in_release=False)


@pytest.fixture
def built(
    tmp_path: Path, parts: list[sbom.BundledComponent], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Return what two machines left, and one that signed."""
    monkeypatch.setattr(channels, "CHANNELS", [EVERY_SUM, LARGE])
    folder = tmp_path / "parts"
    for name, files in {
        "installers-debian": (f"ankong_{__version__}_amd64.deb", f"a-{__version__}-x64.exe"),
        "installers-arm64": (f"ankong_{__version__}_arm64.deb",),
        "signed-windows": (f"a-{__version__}-x64.exe",),
    }.items():
        own = folder / name
        own.mkdir(parents=True)
        for file in files:
            (own / file).write_text(f"{name}: {file}")
        rows = [
            {"name": file, "system": "linux", "claims": [], "elsewhere": "readers; screens"}
            for file in files
        ]
        (own / "artefacts.json").write_text(json.dumps(rows))
    (folder / "installers-debian" / release.PROGRAMS).write_text(f"{'0' * 64}  ankong.exe\n")
    found = bill.text(written(tmp_path / "bill", parts))
    (folder / "installers-debian" / "sbom-linux-x86_64.cdx.json").write_text(found)
    (folder / "installers-debian" / "sbom-windows-x86_64.cdx.json").write_text(found)
    (folder / "installers-arm64" / "sbom-linux-aarch64.cdx.json").write_text(found)
    return folder


def test_a_release_has_one_bill_for_all_its_files(built: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert release.gather(built, out) == 0
    whole = json.loads((out / "sbom.cdx.json").read_text("utf-8"))
    assert_valid(whole)
    assert (out / "files" / f"ankong-{__version__}.cdx.json").read_text("utf-8") == bill.text(whole)
    files = {row["name"]: row for row in whole["components"] if row["type"] == "file"}
    assert len(files) == 3
    for name, row in files.items():
        sums = (out / "files" / "SHA256SUMS").read_text().splitlines()
        assert f"{row['hashes'][0]['content']}  {name}" in sums
    uses = {row["ref"]: row["dependsOn"] for row in whole["dependencies"]}
    assert set(uses["ankong"]) == {f"file/{name}" for name in files}
    assert uses[f"file/ankong_{__version__}_arm64.deb"] == [
        "linux-aarch64/pkg:pypi/thing@1.0",
        "linux-aarch64/pkg:deb/debian/silent@2:1+b1",
    ]


def test_a_release_brings_what_its_channels_publish_of_these_very_files(
    built: Path, tmp_path: Path
) -> None:
    archives = []
    for name in ("a", "b"):
        files = tmp_path / name / "files"
        release.gather(built, tmp_path / name)
        path = files / f"ankong-{__version__}-channels.zip"
        with zipfile.ZipFile(path) as archive:
            assert archive.namelist() == ["sums/sums.json"]
            said = json.loads(archive.read("sums/sums.json"))
        assert len(said) == 3
        assert said == {each: release.sha256_of(files / each) for each in said}
        assert f"{release.sha256_of(path)}  {path.name}\n" in (files / "SHA256SUMS").read_text()
        archives.append(path.read_bytes())
    assert archives[0] == archives[1]


@pytest.mark.parametrize("ended", [0, 1, -9])
def test_no_step_of_a_release_fails_unseen(monkeypatch: pytest.MonkeyPatch, ended: int) -> None:
    """One that the system killed has a status below 0."""
    monkeypatch.setattr(release, "gather", lambda: 0)
    monkeypatch.setattr(system, "ensure", lambda _: None)
    monkeypatch.setattr(venv, "ensure", lambda: None)
    monkeypatch.setenv(chores.RELEASE_KEY, "key")
    monkeypatch.delenv(chores.REPOSITORY_URL, raising=False)
    statuses = iter((0, ended))
    monkeypatch.setattr(chores, "run", lambda _, **__: next(statuses))
    assert bool(chores.complete(argparse.Namespace(), ())) == bool(ended)


def test_signed_files_replace_the_unsigned_whose_sums_are_kept(built: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    release.gather(built, out)
    name = f"a-{__version__}-x64.exe"
    assert (out / "files" / name).read_text() == f"signed-windows: {name}"
    sums = dict(
        reversed(line.split("  "))
        for line in (out / "files" / "UNSIGNED-SHA256SUMS").read_text().splitlines()
    )
    assert sums[name] == release.sha256_of(built / "installers-debian" / name)
    assert len(sums) == 4
    assert sums["ankong.exe"] == "0" * 64
    table = json.loads((out / "files" / "artefacts.json").read_text())
    (row,) = [row for row in table if row["name"] == name]
    assert row["sha256"] == release.sha256_of(out / "files" / name)


def test_nothing_is_released_of_which_no_bill_tells(built: Path, tmp_path: Path) -> None:
    (built / "installers-arm64" / "sbom-linux-aarch64.cdx.json").unlink()
    with pytest.raises(SetupError, match=r"no bill says what is in ankong_.*_arm64\.deb"):
        release.gather(built, tmp_path / "out")


def test_an_empty_release_is_none(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no installers"):
        release.gather(tmp_path / "nothing", tmp_path / "out")


def test_bills_of_two_versions_make_none(built: Path, tmp_path: Path) -> None:
    path = built / "installers-arm64" / "sbom-linux-aarch64.cdx.json"
    path.write_text(path.read_text().replace(f'"version": "{__version__}"', '"version": "9.9.9"'))
    with pytest.raises(SetupError, match="bills of 2 versions"):
        release.gather(built, tmp_path / "out")


def test_a_bill_of_an_older_build_is_named(built: Path, tmp_path: Path) -> None:
    path = built / "installers-arm64" / "sbom-linux-aarch64.cdx.json"
    path.write_text(path.read_text().replace('"timestamp"', '"time"'))
    with pytest.raises(SetupError, match="has no timestamp: build anew"):
        release.gather(built, tmp_path / "out")


def test_bills_are_kept_beside_the_installers(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no program was frozen"):
        release.keep_bills(tmp_path, tmp_path)
    inside = tmp_path / "build" / "windows" / "ankong" / "_internal"
    inside.mkdir(parents=True)
    (inside / sbom.FILE).write_text('{"components": []}')
    (inside.parent / "ankong.exe").write_bytes(b"")
    assert release.keep_bills(tmp_path, tmp_path) == 0
    assert [path.name.split("-")[1] for path in tmp_path.glob("sbom-*.cdx.json")] == ["windows"]
    assert (tmp_path / release.PROGRAMS).read_text() == f"{sha256(b'').hexdigest()}  ankong.exe\n"
