"""What goes into the frozen program: traced, drawn and described."""

import io
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import fontTools
import pytest
from devkit.agreement import disagreements, pins_of
from devkit.shell import SetupError
from fontTools.ttLib import TTCollection
from frozen import contents, icons, sbom, version_resource
from linux.build import elf, packages
from PIL import Image

from agent import __version__
from tests.documents.drawn_fonts import square
from tray.icon.drawing import draw
from tray.icon.view import IconStatus

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "installer" / "requirements" / "installer.txt"
OF_PYINSTALLER = {
    *("altgraph", "macholib", "pefile", "pyinstaller", "pyinstaller-hooks-contrib"),
    *("pywin32-ctypes", "setuptools"),
}
"""The only packages of the freezer that the tests do not use; nobody gets them."""


def test_a_picture_is_the_trays_own() -> None:
    shown = Image.open(io.BytesIO(icons.png(48)))
    assert shown.size == (48, 48)
    assert shown.convert("RGBA").tobytes() == draw(IconStatus.RUNNING, 48)


def test_windows_icon_has_every_size() -> None:
    icon = Image.open(io.BytesIO(icons.ico()))
    assert icon.info["sizes"] == {(size, size) for size in icons.ICO_SIZES}
    for size in (16, 256):
        icon.size = (size, size)
        assert icon.convert("RGBA").tobytes() == draw(IconStatus.RUNNING, size)


def test_every_picture_of_a_theme_is_written(tmp_path: Path) -> None:
    written = icons.write_pictures(tmp_path)
    widths = [Image.open(io.BytesIO(path.read_bytes())).width for path in written]
    assert widths == list(icons.HICOLOR_SIZES)


def test_the_program_says_of_which_commit_it_is_and_of_none_with_changes(tmp_path: Path) -> None:
    def said() -> object:
        contents.write_commit(tmp_path, checkout)
        return json.loads((tmp_path / "built.json").read_text())["commit"]

    def git(*words: str) -> str:
        names = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.invalid")
        command = ["git", *names, "-c", "commit.gpgsign=false", *words]
        done = subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    checkout = tmp_path / "checkout"
    checkout.mkdir()
    assert said() is None
    git("init", "-q")
    (checkout / "file").write_text("1")
    git("add", "file")
    git("commit", "-qm", "One")
    assert said() == git("rev-parse", "HEAD")
    (checkout / "file").write_text("2")
    assert said() is None


def test_the_version_resource_has_every_reviewed_language(tmp_path: Path) -> None:
    path = version_resource.write(tmp_path / "x" / "version", "1.2.3", "ankong.exe")
    text = path.read_text("utf-8")
    compile(text, str(path), "eval")
    assert "filevers=(1, 2, 3, 0)" in text
    for word in ("040404B0", "040904B0", "安控 Ankong", "1.2.3", "ankong.exe"):
        assert word in text


def test_pages_are_shipped_and_the_portals_are_not() -> None:
    found = {folder for _, folder in contents.data_files(ROOT)}
    assert {"agent/web/native", "agent/web/panel/static/js/views", "agent/web/hipki/pages"} <= found
    assert not [folder for folder in found if "portal" in folder or "node_modules" in folder]
    assert not [folder for folder in found if "testkit" in folder]
    assert {"agent.kits", "agent.portal", "agent.testkit"} <= set(contents.UNSHIPPED)
    names = {Path(path).name for path, _ in contents.data_files(ROOT)}
    assert {"ankong.js", "ankong.d.ts"} <= names
    assert not [name for name in names if name.endswith(".md")]
    assert not names & {"tsconfig.json", ".npmrc", "playwright.js", "testing.js", "site.env"}
    assert [
        folder for path, folder in contents.data_files(ROOT) if path.endswith("package.json")
    ] == [
        "agent/web/sdk"  # for `ankong sdk`
    ]


@pytest.mark.parametrize(
    ("name", "is_needed"),
    [
        ("libpcsclite.so.1", False),  # has to be of one version with the service
        ("_tcl_data/encoding/big5.enc", True),
        ("_tcl_data/encoding/koi8-r.enc", False),
        ("_tcl_data/tcl8/msgcat-1.6.1.tm", True),
        ("_tcl_data/tcl8/http-2.9.8.tm", False),
        ("_tcl_data/init.tcl", True),
        ("_tk_data/demos/x.tcl", False),
        ("_tk_data/ttk/clamTheme.tcl", True),
        ("libcrypto.so.3", True),
    ],
)
def test_what_nobody_reads_is_left_out(name: str, *, is_needed: bool) -> None:
    entry = (name, "/somewhere", "DATA")
    assert contents.needed([entry]) == ([entry] if is_needed else [])


def _module_of(name: str) -> str:
    path = sys.modules[name].__file__
    assert path is not None
    return path


def test_what_is_collected_is_traced_to_its_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import aiohttp

    monkeypatch.setattr(sbom, "BOOTLOADER", "aiohttp")  # PyInstaller itself is not here
    locked = {"aiohttp": version("aiohttp")}
    own = str(ROOT / "agent" / "cli.py")
    with pytest.raises(sbom.UnknownOriginError, match="pytest"):
        sbom.components([own, str(aiohttp.__file__), _module_of("pytest")], [ROOT], locked)
    with pytest.raises(sbom.UnknownOriginError, match="stranger"):
        sbom.components([str(tmp_path / "stranger.so")], [ROOT], locked)


def test_what_others_made_and_the_checkout_has_is_named(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(sbom, "BOOTLOADER", "aiohttp")
    vendor = ROOT / "agent" / "web" / "panel" / "static" / "vendor" / "pdfjs"
    sources = [str(vendor / "pdf.min.mjs"), str(vendor / "cmaps" / "B5-H.bcmap")]
    found = sbom.components(sources, [ROOT], {"aiohttp": version("aiohttp")})
    (drawing,) = [each for each in found if each.name == "pdfjs-dist"]
    assert drawing.version.encode() in (vendor / "pdf.min.mjs").read_bytes()
    assert [text.name for text in drawing.texts] == ["LICENSE", "LICENSE-cmaps"]


def test_a_version_that_the_lock_does_not_have_stops_the_build() -> None:
    import aiohttp

    with pytest.raises(sbom.UnknownOriginError, match="aiohttp"):
        sbom.components([str(aiohttp.__file__)], [ROOT], {"aiohttp": "0.0.1"})


def test_the_bill_and_the_licences_are_written(tmp_path: Path) -> None:
    text = tmp_path / "LICENSE"
    text.write_text("do what you like")
    part = sbom.BundledComponent("thing", "1.0", "pkg:pypi/thing@1.0", "MIT", (text, text))
    sbom.write(tmp_path / "legal", __version__, [part], ROOT / "LICENSE", 0)
    written = json.loads((tmp_path / "legal" / sbom.FILE).read_text("utf-8"))
    assert written["bomFormat"] == "CycloneDX"
    assert written["metadata"]["component"]["version"] == __version__
    [row] = written["components"]
    assert (row["purl"], row["version"]) == ("pkg:pypi/thing@1.0", "1.0")
    licence = (tmp_path / "legal" / sbom.LICENCES / "thing.txt").read_text()
    assert licence.count("do what you like") == 2


def test_what_is_shipped_is_what_was_tested() -> None:
    tested, shipped = pins_of(LOCK.with_name("dev.txt")), pins_of(LOCK)
    assert {"aiohttp", "cryptography", "pyscard"} <= tested.keys() & shipped.keys()
    assert {name: tested.get(name, version) for name, version in shipped.items()} == shipped
    assert set(shipped) - set(tested) <= OF_PYINSTALLER
    assert not [line for line in disagreements(ROOT) if "installer.txt" in line]


def test_packages_depend_on_what_the_program_needs() -> None:
    debian, rpm = packages.depends("2.36", ["libxcb.so.1"])
    assert debian[:2] == ["libc6 (>= 2.36)", "libxcb1"]
    assert "pcscd" in debian
    assert rpm[0] == "libc.so.6(GLIBC_2.36)(64bit)"
    with pytest.raises(SetupError, match=r"libnew\.so\.7"):
        packages.depends("2.36", ["libnew.so.7"])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads ELF")
def test_machine_code_is_read_for_what_it_needs(tmp_path: Path) -> None:
    import _ctypes

    (tmp_path / "text.so").write_text("not machine code")
    (tmp_path / "real.so").write_bytes(Path(str(_ctypes.__file__)).read_bytes())
    [found] = elf.objects(tmp_path)
    assert found.name == "real.so"
    major, minor = map(int, elf.glibc_floor([found]).split("."))
    assert (major, minor) >= (2, 2)
    assert "libc.so.6" not in elf.outside_libraries([found])


def test_what_is_shipped_of_the_font_library_is_enough(tmp_path: Path) -> None:
    packages = Path(fontTools.__file__ or "").parents[1]
    left_out = contents.font_tools(packages)
    assert "fontTools.subset" in left_out
    plain = contents.plain_font_tools(packages)
    both = TTCollection()
    both.fonts = [square("\U00021ed5"), square("\U00021ed6")]
    both.save(tmp_path / "f.ttc")
    script = f"""
import sys
import importlib.util as loading
sys.modules.update(dict.fromkeys(["cython", *{left_out!r}]))
for name, path, _ in {plain!r}:
    spec = loading.spec_from_file_location(name, path)
    sys.modules[name] = loading.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
from pathlib import Path
from agent.pdf import font
font.font_files = lambda: (Path({str(tmp_path / "f.ttc")!r}),)
found = font.MarkFont()
assert found.lacking("\\u738b\\U00021ed5Ang\\u1ebf") is None
assert found.subset("\\u738b\\U00021ed5").program("Test")
"""
    subprocess.run([sys.executable, "-c", script], check=True)
