"""The packages: what is in them, what they depend on, and what the judges of packages say."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from agent import __version__
from tests.installer.built.linux.conftest import need, tree

pytestmark = [pytest.mark.artefact, pytest.mark.timeout(300)]

# Debian's own Python brings BLT with Tk: half a megabyte, and one and a half unpacked.
MAX_DEB = 20_700_000  # bytes; 2 100 000 of them are the font of visible marks, 800 000 the preview
# 2 000 read and write PDFs, 5 100 the font and its reader, 3 000 draw, 500 are for administrators.
MAX_INSTALLED = 72_000  # KiB
EXPECTED = {
    "/usr/lib/ankong/ankong",
    "/usr/lib/ankong/_internal/sbom.cdx.json",
    "/usr/lib/ankong/_internal/publicsuffixlist/public_suffix_list.dat",
    "/usr/bin/ankong",
    "/etc/xdg/autostart/ankong.desktop",
    "/usr/lib/systemd/system/ankong-porter.service",
    "/usr/share/applications/ankong.desktop",
    "/usr/share/metainfo/org.ankong.agent.metainfo.xml",
    "/usr/share/icons/hicolor/48x48/apps/ankong.png",
    "/usr/share/man/man1/ankong.1.gz",
    "/usr/share/man/zh_TW/man1/ankong.1.gz",
    "/usr/share/bash-completion/completions/ankong",
    "/usr/share/fish/vendor_completions.d/ankong.fish",
    "/usr/share/zsh/site-functions/_ankong",
    "/usr/share/zsh/vendor-completions/_ankong",
    "/usr/share/doc/ankong/copyright",
    "/usr/share/doc/ankong/licences",
}
SERVICE = "/usr/lib/systemd/system/ankong-porter.service"
OURS = (
    *("/usr/lib/ankong/", "/usr/share/", "/usr/bin/ankong"),
    *("/etc/xdg/autostart/ankong.desktop", SERVICE),
)


def said(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def deb_files(deb: Path) -> dict[str, str]:
    """Return the permissions of each file, and whose it is."""
    lines = [line.split(maxsplit=5) for line in said("dpkg-deb", "--contents", deb).splitlines()]
    return {
        f"/{line[5].partition(' -> ')[0].removeprefix('./')}": f"{line[0]} {line[1]}"
        for line in lines
        if not line[0].startswith("d")
    }


def test_the_deb_has_what_it_should_and_nothing_elsewhere(deb: Path) -> None:
    files = deb_files(deb)
    assert set(files) >= EXPECTED
    assert all(name.startswith(OURS) for name in files)
    assert {mode.split()[1] for mode in files.values()} == {"root/root"}
    executable = {name for name, mode in files.items() if mode.startswith("-") and "x" in mode}
    assert executable == {"/usr/lib/ankong/ankong"}
    assert not [name for name in files if re.search(r"portal|/tests?/|pytest|devkit", name)]


def test_the_deb_says_what_it_needs(deb: Path) -> None:
    assert said("dpkg-deb", "--field", deb, "Version").strip() == __version__
    depends = said("dpkg-deb", "--field", deb, "Depends").strip().split(", ")
    assert {"pcscd", "libccid", "libpcsclite1"} <= set(depends)
    assert [each for each in depends if re.fullmatch(r"libc6 \(>= 2\.\d+\)", each)]


def test_the_installed_program_writes_the_page_kit(unpacked: Path, tmp_path: Path) -> None:
    kit = tmp_path / "kit"
    subprocess.run([unpacked / "usr/lib/ankong/ankong", "sdk", kit], check=True, timeout=60)
    package = json.loads((kit / "package.json").read_text("utf-8"))
    entries = [each for each in package["exports"].values() if isinstance(each, dict)]
    files = {file for each in entries for file in each.values()}
    assert {"./index.js", "./element.js", "./fake.js", "./types/index.d.ts"} <= files
    assert all((kit / file).is_file() for file in files)


def test_the_deb_keeps_to_its_size(deb: Path) -> None:
    assert deb.stat().st_size <= MAX_DEB
    assert int(said("dpkg-deb", "--field", deb, "Installed-Size")) <= MAX_INSTALLED


def test_no_object_wants_a_newer_c_library_than_the_package_says(deb: Path, unpacked: Path) -> None:
    from linux.build import elf

    objects = elf.objects(unpacked)
    assert len(objects) > 50
    assert f"libc6 (>= {elf.glibc_floor(objects)})" in said("dpkg-deb", "--field", deb, "Depends")


def test_no_object_looks_for_libraries_where_the_builder_had_them(unpacked: Path) -> None:
    from linux.build import elf

    for path in elf.objects(unpacked):
        paths = re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", said("readelf", "-dW", path))
        assert all(each.startswith("$ORIGIN") for found in paths for each in found.split(":"))


def test_lintian_has_nothing_to_say_that_is_not_explained(deb: Path) -> None:
    need("lintian")
    done = subprocess.run(
        ["lintian", "--profile", "debian", "--allow-root", "--fail-on", "error,warning,info", deb],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_every_override_of_lintian_has_its_reason() -> None:
    from linux.build.tree import SOURCES

    lines = (SOURCES / "lintian-overrides").read_text().splitlines()
    assert lines[0].startswith("# ")
    assert all(line.startswith(("# ", "ankong: ")) for line in lines)


@pytest.mark.parametrize(
    "place",
    [
        "etc/xdg/autostart/ankong.desktop",
        "usr/share/applications/ankong.desktop",
        "usr/share/applications/ankong-sign.desktop",
    ],
)
def test_the_desktop_files_keep_to_the_specification(unpacked: Path, place: str) -> None:
    need("desktop-file-validate")
    assert said("desktop-file-validate", unpacked / place) == ""


def test_catalogues_of_software_can_read_what_it_is(unpacked: Path) -> None:
    need("appstreamcli")
    place = unpacked / "usr/share/metainfo/org.ankong.agent.metainfo.xml"
    said("appstreamcli", "validate", "--no-net", "--pedantic", place)
    assert f'version="{__version__}"' in place.read_text("utf-8")


def test_the_autostart_is_the_agents_own_and_vanishes_with_it(unpacked: Path) -> None:
    from agent.host.autostart.xdg import desktop_file

    text = (unpacked / "etc/xdg/autostart/ankong.desktop").read_text()
    assert text.startswith(desktop_file(("/usr/lib/ankong/ankong", "tray")))
    assert "TryExec=/usr/lib/ankong/ankong\n" in text


@pytest.mark.parametrize(("place", "word"), [("man1", "SYNOPSIS"), ("zh_TW/man1", "語法")])
def test_the_manual_can_be_read(unpacked: Path, place: str, word: str) -> None:
    need("man")
    page = unpacked / "usr/share/man" / place / "ankong.1.gz"
    done = subprocess.run(
        ["man", "--warnings=w", "-E", "UTF-8", "-l", page],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert word in done.stdout
    assert "{version}" not in done.stdout
    assert done.stderr == ""


def test_the_rpm_has_the_same_files(rpm: Path, deb: Path) -> None:
    need("rpm")
    found = {line for line in said("rpm", "-qpl", rpm).splitlines() if line not in ("", "/")}
    files = set(deb_files(deb))
    assert files <= found
    assert all(name.startswith(OURS) or f"{name}/" in "".join(files) for name in found - files)


def test_the_rpm_says_what_it_needs(rpm: Path) -> None:
    need("rpm")
    requires = said("rpm", "-qp", "--requires", rpm).splitlines()
    assert {"pcsc-lite", "(pcsc-lite-ccid or pcsc-ccid)"} <= set(requires)
    assert [
        each for each in requires if re.fullmatch(r"libc\.so\.6\(GLIBC_2\.\d+\)\(64bit\)", each)
    ]
    assert "/etc/xdg/autostart/ankong.desktop" in said("rpm", "-qp", "--configfiles", rpm)
    version = said("rpm", "-qp", "--queryformat", "%{VERSION}-%{RELEASE}", rpm)
    assert version == f"{__version__}-1"


def test_the_script_touches_nobody_elses_agent(deb: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "--control", deb, tmp_path / "control"], check=True)
    scripts = {"preinst", "postinst", "prerm", "postrm"} & set(tree(tmp_path / "control"))
    assert scripts == {"prerm"}
    script = (tmp_path / "control" / "prerm").read_text()
    assert not re.search(r"\b(pkill|killall|kill|su|runuser)\b", script)
    # The one service is the porter, which is nobody's agent and runs of the package's program.
    said_to_systemd = re.findall(r"systemctl (.*)", script)
    assert said_to_systemd == ["--quiet disable --now ankong-porter.service || :"]
    for word in ("upgrade", "failed-upgrade", "deconfigure", "1"):
        subprocess.run(
            ["/bin/sh", tmp_path / "control" / "prerm", word], check=True, env={"PATH": ""}
        )
