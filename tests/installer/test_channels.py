"""What channels publish: made of files that were measured, judged by others, the same each time."""

import hashlib
import json
import plistlib
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from devkit import channels, venv, workflows
from devkit.channel import appstream, built, cask, hosted, published, winget
from devkit.channel.built import BuiltRelease
from devkit.channel.verdict import ChannelVerdict, ReleaseChannel
from devkit.shell import SetupError
from linux.build.metainfo import metainfo
from macos.build import installer as macos_installer

from agent.host.autostart.macos import LABEL

ROOT: Final = Path(__file__).resolve().parents[2]
VERSION: Final = "3.2.1"
SETUP: Final = f"ankong-setup-{VERSION}-x64.exe"
MSI: Final = f"ankong-{VERSION}-x64.msi"
ARM: Final = f"ankong-{VERSION}-arm64.pkg"
INTEL: Final = f"ankong-{VERSION}-x86_64.pkg"
NSI: Final = (ROOT / "installer/windows/setup.nsi").read_text("utf-8")

needs_ruby: Final = pytest.mark.skipif(shutil.which("ruby") is None, reason="make setup: ruby")
needs_appstream: Final = pytest.mark.skipif(
    shutil.which("appstreamcli") is None, reason="make setup: appstream"
)


def row(name: str, content: bytes) -> dict[str, Any]:
    sha256 = hashlib.sha256(content).hexdigest()
    return {"name": name, "system": "any", "size": len(content), "sha256": sha256}


def fill(folder: Path, *names: str) -> Path:
    """Put made-up files into a folder, with their table; Macs write none."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(name.encode())
    rows = [row(name, name.encode()) for name in names if not name.endswith(".pkg")]
    (folder / "artefacts.json").write_text(json.dumps(rows), "utf-8")
    return folder


def read(folder: Path) -> BuiltRelease:
    return built.read(folder, version=VERSION)


@pytest.fixture
def whole(tmp_path: Path) -> BuiltRelease:
    return read(fill(tmp_path / "built", SETUP, MSI, ARM, INTEL))


# The files.


def test_what_the_table_says_is_what_lies_there(tmp_path: Path) -> None:
    old = "ankong-setup-3.2.10-x64.exe"
    found = read(fill(tmp_path / "built", SETUP, ARM, old))
    assert set(found.files) == {SETUP, ARM}
    assert found.files[SETUP].sha256 == hashlib.sha256(SETUP.encode()).hexdigest()
    assert found.files[ARM].sha256 == hashlib.sha256(ARM.encode()).hexdigest()


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def change(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def link(path: Path) -> None:
    other = path.with_name("other")
    path.rename(other)
    path.symlink_to(other)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (grow, "bytes, and artefacts.json says"),
        (change, "another SHA-256"),
        (Path.unlink, "and not in"),
        (link, "and not in"),
    ],
    ids=["size", "sum", "gone", "link"],
)
def test_a_file_that_is_not_what_was_built_stops_everything(
    spoil: Callable[[Path], None], words: str, tmp_path: Path
) -> None:
    folder = fill(tmp_path / "built", SETUP, MSI)
    spoil(folder / MSI)
    old = tmp_path / "out" / "winget"
    old.mkdir(parents=True)
    with pytest.raises(SetupError, match=rf"{re.escape(MSI)}.*{words}"):
        channels.build(folder, out=tmp_path / "out", version=VERSION)
    assert not old.exists()  # nobody publishes what an earlier run has left


ROW: Final = row(SETUP, SETUP.encode())


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"{",
        b"[" * 100_000,
        b'"text"',
        b"[1]",
        json.dumps(ROW).encode(),
        json.dumps([ROW, ROW]).encode(),
        json.dumps([{**ROW, "name": f"../{SETUP}"}]).encode(),
        json.dumps([{**ROW, "name": f'{SETUP}"\n#'}]).encode(),
        json.dumps([{**ROW, "size": True}]).encode(),
        json.dumps([{**ROW, "size": -1}]).encode(),
        json.dumps([{**ROW, "size": "10"}]).encode(),
        json.dumps([{**ROW, "sha256": ROW["sha256"][1:]}]).encode(),
        json.dumps([{**ROW, "sha256": "g" * 64}]).encode(),
        json.dumps([{"name": SETUP}]).encode(),
        b"[]",
    ],
)
def test_a_table_that_is_none_is_refused(content: bytes, tmp_path: Path) -> None:
    folder = fill(tmp_path / "built", SETUP)
    (folder / "artefacts.json").write_bytes(content)
    with pytest.raises(SetupError, match=r"build anew|make installers|row that is none"):
        read(folder)


@pytest.mark.parametrize(
    "version",
    [
        *(
            "",
            "3",
            "3.2.1\n",
            "3.2.1\r",
            '3.2.1"',
            "../3.2.1",
            "3.2.1 #{`id`}",
            "v3.2.1",
            "3.2.1/x",
        ),
        *("٣.٢.١", "3.2.1-beta", "3.2.1: x", "3..1", "3.2.1/x", "1" * 300),
    ],
)
def test_a_hostile_version_is_refused(version: str, tmp_path: Path) -> None:
    folder = fill(tmp_path / "built", SETUP)
    with pytest.raises(SetupError, match="is no version that channels take"):
        built.read(folder, version=version)


@pytest.mark.parametrize("version", ["1.0", "10.20.30", "0.2.0rc1", "0.2.0.dev3"])
def test_an_odd_version_is_itself_everywhere(version: str, tmp_path: Path) -> None:
    names = [each.replace(VERSION, version) for each in (SETUP, MSI, ARM)]
    found = built.read(fill(tmp_path / "built", *names), version=version)
    channels.render(found, tmp_path / "out")
    said = yaml.safe_load((tmp_path / "out/winget/Ankong.Ankong.installer.yaml").read_bytes())
    assert said["PackageVersion"] == version
    shown = [each["AppsAndFeaturesEntries"][0]["DisplayVersion"] for each in said["Installers"]]
    numbers = re.match(r"[\d.]*\d", version)
    assert numbers is not None
    assert shown[0] == version
    assert shown[1].startswith(numbers[0].partition(".dev")[0])  # Windows Installer has numbers
    assert f'version "{version}"' in (tmp_path / "out/homebrew/ankong.rb").read_text("utf-8")
    assert f'version="{version}"' in metainfo(version, 0)


def test_two_renders_have_the_same_octets(whole: BuiltRelease, tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        channels.render(whole, tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        found.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert found[0] == found[1]
    assert len(found[0]) == 6
    assert not [path for path, content in found[0].items() if b"\r" in content]


def test_line_ends_of_windows_in_the_sources_change_nothing(whole: BuiltRelease) -> None:
    template = cask.TEMPLATE.read_text("utf-8")
    assert cask.text(whole, template.replace("\n", "\r\n")) == cask.text(whole, template)


# winget.


def installers(found: BuiltRelease) -> dict[str, dict[str, Any]]:
    said = winget.manifests(found)["Ankong.Ankong.installer.yaml"]
    return {each["Scope"]: dict(each) for each in said["Installers"]}


def test_what_is_written_is_what_yaml_reads(whole: BuiltRelease, tmp_path: Path) -> None:
    assert winget.render(whole, tmp_path) == ""
    for name, manifest in winget.manifests(whole).items():
        content = (tmp_path / name).read_text("utf-8")
        assert yaml.safe_load(content) == manifest
        assert not content.startswith("\ufeff")
    assert len(list(tmp_path.glob("*.yaml"))) == 4


@pytest.mark.parametrize(
    "odd", ["a: b", "- x", "# x", "no", "1.0", '"', "\\", "a\nb", "'", "安", "{"]
)
def test_an_odd_text_stays_what_it_is(odd: str) -> None:
    manifest = {"ManifestType": "version", "ManifestVersion": "1", "A": [{"B": [odd]}, {"C": odd}]}
    assert yaml.safe_load(winget.text(manifest)) == manifest


def test_sums_and_addresses_are_those_of_the_files(whole: BuiltRelease) -> None:
    for scope, name in (("user", SETUP), ("machine", MSI)):
        said = installers(whole)[scope]
        assert said["InstallerSha256"] == hashlib.sha256(name.encode()).hexdigest().upper()
        assert said["InstallerUrl"].endswith(f"/{VERSION}/{name}")


def test_only_what_was_built_is_in_the_manifests(tmp_path: Path) -> None:
    assert set(installers(read(fill(tmp_path / "a", MSI)))) == {"machine"}
    assert winget.render(read(fill(tmp_path / "b", ARM)), tmp_path).startswith(
        "no file for Windows"
    )
    assert winget.manifests(read(tmp_path / "b")) == {}


def test_every_status_of_the_wizard_is_told_to_winget(whole: BuiltRelease) -> None:
    (told,) = re.findall(r"^; Exit status: ((?:.+\n)(?:; .+\n)*?)(?=; A policy)", NSI, re.MULTILINE)
    documented = {int(each) for each in re.findall(r"(?:^|, |\n; )(\d) (?=[a-z\"W])", told)}
    assert documented == {0, 1, 2, 3, 4, 5, 6}
    said = installers(whole)["user"]
    responses = {each["InstallerReturnCode"]: each for each in said["ExpectedReturnCodes"]}
    assert {0, *said["InstallerSuccessCodes"], *responses} == documented
    assert said["InstallerSuccessCodes"] == [5]
    assert {code: each["ReturnResponse"] for code, each in responses.items()} == {
        1: "cancelledByUser",
        2: "custom",
        3: "downgrade",
        4: "systemNotSupported",
        6: "alreadyInstalled",
    }


def test_every_switch_is_one_that_the_wizard_has(whole: BuiltRelease) -> None:
    documented = set(re.findall(r"^;   (/[A-Z]+=?)", NSI, re.MULTILINE))
    said = installers(whole)["user"]
    for value in said["InstallerSwitches"].values():
        for word in value.replace("<INSTALLPATH>", "").split():
            assert word in documented, value
    assert "Log" not in said["InstallerSwitches"]
    assert said["UnsupportedArguments"] == ["log"]


def test_every_switch_is_one_that_windows_installer_or_the_msi_has(whole: BuiltRelease) -> None:
    facts = tomllib.loads((ROOT / "installer/windows/msi.toml").read_text("utf-8"))
    own = {"/qn", "/passive", "/norestart", "/l*v"}  # of msiexec
    for value in installers(whole)["machine"]["InstallerSwitches"].values():
        for word in re.findall(r'\S*"[^"]*"|\S+', value):
            name, equals, _ = word.partition("=")
            assert name in (facts["properties"] if equals else {*own, '"<LOGPATH>"'}), value


def test_both_are_found_again_among_the_installed_programs(whole: BuiltRelease) -> None:
    facts = tomllib.loads((ROOT / "installer/windows/msi.toml").read_text("utf-8"))
    assert '!define NAME "Ankong"' in NSI
    assert r'!define UNINSTALL_KEY "${ALL_UNINSTALL_KEYS}\${NAME}"' in NSI
    user, machine = (installers(whole)[scope] for scope in ("user", "machine"))
    assert user["ProductCode"] == "Ankong"
    (entry,) = machine["AppsAndFeaturesEntries"]
    assert entry["UpgradeCode"] == "{" + facts["upgrade_code"].upper() + "}"
    assert machine["ProductCode"] == winget.product_of(VERSION).code == entry["ProductCode"]
    builder = (ROOT / "installer/windows/build/installer.py").read_text("utf-8")
    assert 'f"ankong-setup-{version}-x64.exe"' in builder
    from windows.build import msi

    made = msi.product_of(Path(), VERSION)
    for entries in (user["AppsAndFeaturesEntries"], [entry]):
        assert (entries[0]["DisplayName"], entries[0]["Publisher"]) == (made.name, made.publisher)
    assert (msi.name_of(VERSION), made.code) == (MSI, entry["ProductCode"])


@pytest.fixture
def judged(whole: BuiltRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with good manifests, where check-jsonschema is."""
    if shutil.which("check-jsonschema", path=str(venv.SCRIPTS)) is None:
        pytest.skip("make setup installs check-jsonschema")
    monkeypatch.setattr(workflows, "ensure", lambda: None)
    folder = tmp_path / "manifests"
    folder.mkdir()
    winget.render(whole, folder)
    return folder


def test_the_judge_takes_what_is_rendered(judged: Path) -> None:
    winget.judge(judged, winget.SCHEMA)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("installer", 'InstallerType: "nullsoft"', 'InstallerType: "nulsoft"'),
        ("installer", 'Scope: "machine"', 'Scope: "user"'),
        ("installer", "InstallerSwitches:", "InstallerSwitch:"),
        ("installer", "InstallerReturnCode: 6", 'InstallerReturnCode: "6"'),
        ("installer", '"alreadyInstalled"', '"alreadyThere"'),
        ("installer", 'InstallerSha256: "', 'InstallerSha256: "0'),
        ("installer", 'InstallerUrl: "https', 'InstallerUrl: "ftp'),
        ("installer", f'PackageVersion: "{VERSION}"', 'PackageVersion: "3.2.1/x"'),
        ("locale.zh-TW", 'License: "MIT"', 'License: ""'),
        ("locale.en-US", 'ManifestType: "locale"', 'ManifestType: "singleton"'),
        ("locale.en-US", "ShortDescription:", "Short:"),
    ],
)
def test_the_judge_refuses_what_is_spoilt(
    judged: Path, name: str, old: str, new: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = judged / f"Ankong.Ankong.{name}.yaml"
    content = path.read_text("utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), "utf-8")
    with pytest.raises(SetupError, match="does not keep to"):
        winget.judge(judged, winget.SCHEMA)
    assert path.name in capfd.readouterr().out


def test_microsofts_own_schemas_judge_too_where_somebody_has_them(
    judged: Path, whole: BuiltRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    for kind in ("version", "installer", "defaultLocale", "locale"):
        schema = {"type": "object", "properties": {"ManifestType": {"const": kind}}}
        (schemas / f"manifest.{kind}.1.12.0.json").write_text(json.dumps(schema))
    monkeypatch.setattr(winget, "msi_agrees", lambda _: True)
    own = " ".join(winget.validate(whole, judged).unproven)
    assert "Microsoft" in own
    monkeypatch.setenv("ANKONG_WINGET_SCHEMAS", str(schemas))
    verdict = winget.validate(whole, judged)
    assert verdict.unproven == []
    assert "Microsoft" in " ".join(verdict.proven)
    (schemas / "manifest.locale.1.12.0.json").write_text('{"required": ["Other"]}')
    with pytest.raises(SetupError, match=r"manifest\.locale\.1\.12\.0\.json"):
        winget.validate(whole, judged)


def test_nothing_to_judge_is_no_good_judgement(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="does not keep to"):
        winget.judge(tmp_path, winget.SCHEMA)


def test_an_msi_that_says_something_else_is_refused(
    whole: BuiltRelease, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = winget.product_of(VERSION)
    rows = {
        "ProductCode": product.code,
        "UpgradeCode": "{" + product.facts["upgrade_code"].upper() + "}",
        "ProductVersion": product.numbers,
        "ProductName": product.name,
        "Manufacturer": product.publisher,
    }
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/msiinfo")

    def export(_: Sequence[str | Path]) -> str:
        return "".join(f"{name}\t{value}\r\n" for name, value in rows.items())

    monkeypatch.setattr(winget, "output", export)
    assert winget.msi_agrees(whole)
    rows["ProductCode"] = "{0}"
    with pytest.raises(SetupError, match=r"ProductCode is \{0\}"):
        winget.msi_agrees(whole)


# Homebrew.


@needs_ruby
@pytest.mark.parametrize("names", [(ARM, INTEL), (ARM,), (INTEL,)], ids=["both", "arm64", "intel"])
def test_the_cask_says_what_was_meant(names: Sequence[str], tmp_path: Path) -> None:
    found = read(fill(tmp_path / "built", *names))
    assert cask.render(found, tmp_path) == ""
    cask.judge(tmp_path / "ankong.rb", found)
    content = (tmp_path / "ankong.rb").read_text("utf-8")
    assert not re.search(r"@|[ \t]$|\n\n\n", content, re.MULTILINE)


@needs_ruby
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('version "', 'version "9', "version"),
        ('intel: "x', 'intel: "y', "arch"),
        ('arm:   "', 'arm:   "0', "sha256"),
        ("zap trash", "zapp trash", "is no cask"),
        ('"setup", "undo"', '"setup", "undo", "--forget"', "uninstall"),
        ("pkgutil:   ", "sudo: ", "uninstall"),
        ("\nend", "\n", "cannot read"),
    ],
)
def test_a_spoilt_cask_is_refused(
    whole: BuiltRelease, tmp_path: Path, old: str, new: str, words: str
) -> None:
    cask.render(whole, tmp_path)
    path = tmp_path / "ankong.rb"
    content = path.read_text("utf-8")
    assert old in content
    path.write_text(content.replace(old, new), "utf-8")
    with pytest.raises(SetupError, match=words):
        cask.judge(path, whole)


@pytest.mark.parametrize(
    "odd", ['https://a/"', "https://a/#{`id`}", "https://a/\\", "https://a/\n"]
)
def test_no_value_gets_out_of_its_quotation_marks(odd: str, whole: BuiltRelease) -> None:
    hostile = BuiltRelease(VERSION, whole.files, odd)
    with pytest.raises(SetupError, match="cannot hold"):
        cask.text(hostile, cask.TEMPLATE.read_text("utf-8"))


def test_without_a_package_no_cask_is_written_and_no_sum_invented(tmp_path: Path) -> None:
    out = tmp_path / "out"
    silent = channels.render(read(fill(tmp_path / "built", SETUP)), out)
    assert silent["homebrew"].startswith("no .pkg was built here")
    assert not (out / "homebrew").exists()


def test_the_cask_removes_what_the_package_brings(whole: BuiltRelease) -> None:
    said = cask.meant(whole, "arm64")
    ((uninstall,),), ((zap,),) = said["uninstall"], said["zap"]
    assert uninstall["launchctl"] == LABEL
    spec = (ROOT / "installer/frozen/ankong.spec").read_text("utf-8")
    assert f'bundle_identifier="{uninstall["quit"]}"' in spec
    assert uninstall["pkgutil"] == macos_installer.IDENTIFIER
    listed = plistlib.loads((ROOT / "installer/macos/components.plist").read_bytes())
    assert uninstall["delete"] == f"/Applications/{listed[0]['RootRelativeBundlePath']}"
    # macOS 12; platformdirs' folder for state there.
    assert macos_installer.OLDEST == "12_0"
    assert said["depends_on"] == [[{"macos": ">= :monterey"}]]
    assert zap["trash"] == "~/Library/Application Support/ankong"


def test_titles_are_as_homebrew_wants_them() -> None:
    for text in published.facts()["text"].values():
        assert len(text["short"]) <= 80
        assert not text["short"].endswith((".", "。"))
    english = published.facts()["text"]["en-US"]["short"]
    assert not re.match(r"(?i)(an?|the) |.*ankong|.*macos", english)


# AppStream.


@needs_appstream
def test_the_metainfo_is_valid_for_appstreams_own_judge(tmp_path: Path) -> None:
    path = tmp_path / "org.ankong.agent.metainfo.xml"
    path.write_text(metainfo(VERSION, 1_790_000_000), "utf-8")
    appstream.judge(path)
    path.write_text(path.read_text("utf-8").replace("<id>", "<id>../"), "utf-8")
    with pytest.raises(SetupError, match="has a fault"):
        appstream.judge(path)


def test_the_metainfo_says_everything_in_both_languages() -> None:
    found = metainfo(VERSION, 1_790_000_000)
    for name in ("name", "summary", "developer_name"):
        assert len(re.findall(rf"<{name}(?: xml:lang=\"zh_TW\")?>", found)) == 2, name
    for text in published.facts()["text"].values():
        for paragraph in text["long"]:
            assert f">{paragraph}</p>" in found
    assert metainfo(VERSION, 1_790_000_000) == found


def test_a_version_has_the_day_that_the_changelog_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(f"# C\n\n## [Unreleased]\n\n## [{VERSION}] - 2026-12-24\n\n- a\n", "utf-8")
    days = published.released(changelog)
    assert days == {VERSION: "2026-12-24"}
    monkeypatch.setattr(published, "released", lambda: days)
    assert f'<release type="stable" version="{VERSION}" date="2026-12-24" />' in metainfo(
        VERSION, 0
    )
    assert 'type="development" version="3.3.0" date="1970-01-01"' in metainfo("3.3.0", 0)


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is Debian's")
def test_what_a_package_carries_is_what_is_published(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    place = tree / "usr/share/metainfo/org.ankong.agent.metainfo.xml"
    place.parent.mkdir(parents=True)
    (tree / "DEBIAN").mkdir()
    control = (
        "Package: ankong\nVersion: 1\nArchitecture: all\nMaintainer: a <a@a>\nDescription: a\n"
    )
    (tree / "DEBIAN/control").write_text(control)
    folder = tmp_path / "built"
    folder.mkdir()
    deb = folder / f"ankong_{VERSION}_amd64.deb"
    for content in (metainfo(VERSION, 86_400), None):
        if content is None:
            place.unlink()
        else:
            place.write_text(content, "utf-8")
        subprocess.run(["dpkg-deb", "--build", tree, deb], check=True, capture_output=True)
        (folder / "artefacts.json").write_text(json.dumps([row(deb.name, deb.read_bytes())]))
        if content is None:
            with pytest.raises(SetupError, match="has no usr/share/metainfo"):
                appstream.render(read(folder), tmp_path)
        else:
            appstream.render(read(folder), tmp_path)
            assert (tmp_path / place.name).read_text("utf-8") == content
            assert "carries it" in " ".join(appstream.validate(read(folder), tmp_path).proven)


# The chore.


def fake(name: str, verdict: ChannelVerdict | str, why: str = "") -> ReleaseChannel:
    def render(_: BuiltRelease, out: Path) -> str:
        if not why:
            (out / "file").write_text(name)
        return why

    def validate(_: BuiltRelease, __: Path) -> ChannelVerdict:
        if isinstance(verdict, str):
            raise SetupError(verdict)
        return verdict

    return ReleaseChannel(name, render, validate, f"a real {name}")


def test_the_table_says_what_is_proven_what_not_and_what_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fill(tmp_path / "built", SETUP)
    good = fake("good", ChannelVerdict(["it is read"], ["it is eaten"]))
    none = fake("none", ChannelVerdict(()), "there is no file")
    monkeypatch.setattr(channels, "CHANNELS", [good, none])
    assert channels.build(folder, out=tmp_path / "out", version=VERSION) == 0
    told = capsys.readouterr().out
    assert "good\n  good/file\n  proven here: it is read\n  not proven here: it is eaten\n" in told
    assert "none\n  not rendered: there is no file\n  only on a real machine: a real none\n" in told
    assert "placeholders" in told
    monkeypatch.setattr(channels, "CHANNELS", [fake("bad", "it is spoilt"), good])
    assert channels.build(folder, out=tmp_path / "out", version=VERSION) == 1
    told = capsys.readouterr().out
    assert "  FAILED: it is spoilt\n" in told
    assert told.index("FAILED") < told.index("proven here: it is read")
    assert "channels failed: bad" in told
    channels.build(folder, "https://real.example/{version}", tmp_path / "out", version=VERSION)
    assert "placeholders" not in capsys.readouterr().out


def test_the_address_that_is_nobodys_stands_in_one_place() -> None:
    here = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "installer").rglob("*")
        if path.suffix in {".py", ".toml", ".in", ".xml", ".nsi", ".yaml", ".rb", ".sh"}
        and "example.org" in path.read_text("utf-8")
    ]
    assert sorted(here) == [
        "installer/devkit/channel/published.py",
        "installer/release/channels.toml",
    ]
    for key in ("home", "help", "downloads"):
        assert published.facts()["publisher"][key].startswith("https://")
    assert not published.is_somebodys("https://www.example.org/x")
    assert published.is_somebodys("https://example.org.tw/x")


# Where winget and Homebrew are.


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    taken: list[list[str]] = []

    def run(command: Sequence[str | Path]) -> int:
        taken.append([Path(command[0]).name, *map(str, command[1:])])
        return 0

    monkeypatch.setattr(hosted, "run", run)
    monkeypatch.setattr(built, "version_of", lambda _: VERSION)
    return taken


def test_winget_validates_installs_and_removes_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: list[list[str]]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    hosted.play(fill(tmp_path / "built", SETUP, MSI))
    assert [step[:2] for step in steps] == [
        ["winget", "settings"],
        ["winget", "validate"],
        *([["winget", "install"], ["ankong.exe", "--version"], ["winget", "uninstall"]] * 2),
    ]
    scopes = [step[step.index("--scope") + 1] for step in steps if "--scope" in step]
    assert scopes == ["user", "user", "machine", "machine"]


def test_homebrew_judges_the_cask_in_a_tap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: list[list[str]]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(hosted, "output", lambda _: f"{tmp_path / 'tap'}\n")
    hosted.play(fill(tmp_path / "built", ARM))
    assert (tmp_path / "tap/Casks/ankong.rb").is_file()
    assert [step[1] for step in steps] == ["tap-new", "style", "audit"]


def test_a_step_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: list[list[str]]
) -> None:
    assert steps == []
    monkeypatch.setattr(hosted, "run", lambda _: 3)
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SetupError, match="winget ended with status 3"):
        hosted.play(fill(tmp_path / "built", MSI))
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(SetupError, match="for Windows"):
        hosted.play(None)


def test_what_winget_downloads_is_served_on_this_computer_alone(tmp_path: Path) -> None:
    folder = fill(tmp_path / "built", SETUP)
    with hosted.serving(folder) as address:
        assert address.startswith("http://127.0.0.1:")
        connection = HTTPConnection(address.removeprefix("http://"), timeout=10)
        connection.request("GET", f"/{SETUP}")
        assert connection.getresponse().read() == SETUP.encode()
        connection.close()
