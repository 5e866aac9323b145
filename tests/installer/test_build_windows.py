"""The Windows build's own rules: what the wizard is told, and what no Windows Python may be."""

import base64
import re
import struct
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
from devkit.agreement import pins_of
from devkit.shell import ROOT, SetupError
from windows.build import installer as windows_installer
from windows.build import texts, windows_python, wine

from agent.words import SOURCE, Language, section

SCRIPTS = ROOT / "installer" / "windows"


def test_the_list_makes_folders_before_files_and_removes_them_from_the_inside(
    tmp_path: Path,
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "deep.dll").touch()
    (tmp_path / "top.exe").touch()
    lines = windows_installer.listing(tmp_path).decode().split("\r\n")
    assert lines == ["da", "da\\b", r"fa\b\deep.dll", "ftop.exe", "ra\\b", "ra", ""]


def test_a_name_that_the_wizard_could_not_read_back_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "安控.dll").touch()
    with pytest.raises(SetupError, match="安控"):
        windows_installer.listing(tmp_path)


def test_every_text_that_a_script_names_is_in_the_catalogue() -> None:
    areas = (texts.COMMON_AREA, texts.AREA)
    known = {texts.name_of(key) for area in areas for key in section(SOURCE, area)}
    for script in (*SCRIPTS.glob("*.nsh"), SCRIPTS / "setup.nsi"):
        for name in re.findall(r"\$\((\w+)\)", script.read_text("utf-8")):
            assert name in known or name == "Licence", f"{script.name}: {name}"


def test_the_wizard_s_texts_are_written_for_every_language(tmp_path: Path) -> None:
    texts.write(tmp_path)
    languages = (tmp_path / "languages.nsh").read_text("utf-8")
    written = (tmp_path / "text.nsh").read_text("utf-8")
    for language in Language:
        identifier = f"${{LANG_{language.nsis.upper()}}}"
        line = rf"^LangString (\w+) {re.escape(identifier)} `.+`$"
        names = re.findall(line, written, re.MULTILINE)
        assert {"WelcomeTitle", "RemoveKeep"} <= set(names)
        assert f"`{language}` `{language.windows & 0x3FF}`" in languages
        licence = (tmp_path / f"licence.{language}.txt").read_bytes()
        assert licence.startswith(b"\xef\xbb\xbf")
        assert b"Permission is hereby granted" in licence
        assert licence.count(b"\n") == licence.count(b"\r\n")


def test_nothing_in_a_text_means_something_else_to_nsis() -> None:
    assert texts.quoted('say "$5" and `x`\n{installed}') == (
        '`say "$$5" and $\\`x$\\`$\\r$\\n$Installed`'
    )
    for language in Language:
        for area in (texts.COMMON_AREA, texts.AREA):
            for text in section(language, area).values():
                assert "{" not in texts.quoted(text).replace("${", "")


def test_no_question_of_the_silent_mode_waits_for_an_answer() -> None:
    """Each box has an answer for /S, but those of pages, which /S does not show."""
    for script in (*SCRIPTS.glob("*.nsh"), SCRIPTS / "setup.nsi"):
        for line in re.findall(
            r"^\s*MessageBox (?:.*\\\n)*.*$", script.read_text("utf-8"), re.MULTILINE
        ):
            assert "/SD" in line or script.name == "own_pages.nsh", line


def test_the_program_folder_is_never_removed_with_all_that_is_in_it() -> None:
    for script in SCRIPTS.glob("*.ns[ih]"):
        assert not re.search(r"RMDir\s+/r", script.read_text("utf-8"), re.IGNORECASE), script.name


def test_a_wheel_that_is_not_the_one_is_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows_python, "CACHE", tmp_path)
    wheel = tmp_path / "download" / f"panda3d-{windows_python.PANDA3D}-cp311-cp311-win_amd64.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"something else")
    with pytest.raises(SetupError, match="not to be used"):
        windows_python._fetch("311", windows_python.WHEELS[3, 11])
    assert not wheel.exists()


def test_of_the_wheel_only_pythons_own_libraries_are_taken(tmp_path: Path) -> None:
    wheel = tmp_path / "some.whl"
    names = ("python313.dll", "_ssl.pyd", "VCRUNTIME140.dll", "tcl86t.dll")
    others = (
        "_ssl.cp313t-win_amd64.pyd",
        "_testcapi.pyd",
        "_wmi.pyd",
        "api-ms-win-crt-heap-l1-1-0.dll",
    )
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in (*names, *others):
            archive.writestr(f"deploy_libs/{name}", b"")
        archive.writestr("deploy_libs/../python.exe", b"")
        archive.writestr("panda3d/core.pyd", b"")
    (tmp_path / "out").mkdir()
    windows_python._unpack(wheel, tmp_path / "out")
    assert {each.name for each in (tmp_path / "out").iterdir()} == set(names)


def test_the_one_root_that_is_brought_along_is_microsofts() -> None:
    text = (SCRIPTS / "microsoft-2020.pem").read_text()
    (body,) = re.findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END", text, re.DOTALL)
    digest = sha256(base64.b64decode(body)).hexdigest()
    assert digest == "5367f20c7ade0e2bca790915056d086b720c33c1fa2a2661acf787e3292e1270"
    assert digest in text


def test_an_unsigned_library_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows_python, "CACHE", tmp_path)
    library = tmp_path / "python311.dll"
    library.write_bytes(b"MZ" + bytes(512))
    with pytest.raises(SetupError, match=r"python311\.dll"):
        windows_python._check_signature(library)


def test_every_name_is_forwarded_and_data_stays_data() -> None:
    listed = "LIBRARY x\nEXPORTS\nPyErr_Print\nPyExc_OSError DATA\n_Py_Dealloc\n?weird@@\n"
    assert windows_python._forward(listed, "python311").splitlines() == [
        "LIBRARY python3.dll",
        "EXPORTS",
        "PyErr_Print=python311.PyErr_Print",
        "PyExc_OSError=python311.PyExc_OSError DATA",
        "_Py_Dealloc=python311._Py_Dealloc",
    ]


def test_the_windows_lock_has_what_only_windows_needs() -> None:
    pins = pins_of(ROOT / "installer" / "requirements" / "windows.txt")
    assert {"pystray", "pefile", "pywin32-ctypes", "pyscard", "pyinstaller"} <= set(pins)
    assert "dbus-fast" not in pins


def test_the_wizards_pictures_are_of_the_size_that_it_shows(tmp_path: Path) -> None:
    from windows.build import pictures

    pictures.write(tmp_path)
    for name, size in (("header", pictures.HEADER), ("side", pictures.SIDE)):
        content = (tmp_path / f"{name}.bmp").read_bytes()
        assert content[:2] == b"BM"
        assert struct.unpack_from("<ii", content, 18) == size
        assert struct.unpack_from("<I", content, 2) == (len(content),)
    assert (tmp_path / "ankong.ico").read_bytes()[:4] == b"\0\0\1\0"


def test_paths_are_named_as_wine_sees_them() -> None:
    assert wine.windows_path(Path("/a b/安控")) == r"Z:\a b\安控"
