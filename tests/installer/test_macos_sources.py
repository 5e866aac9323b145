"""The package for macOS, as far as it can be judged without a Mac: whole, well-formed, obedient."""

import ast
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from devkit import installers
from devkit.shell import SetupError
from macos.build import installer as macos_installer
from macos.build.installer import LOCK, SOURCES, faults

SPEC = SOURCES.parent / "frozen" / "ankong.spec"
pytestmark = pytest.mark.skipif(
    shutil.which("shellcheck") is None or sys.platform == "win32",
    reason="shellcheck needed: apt-get install shellcheck",
)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Return a copy that a test may spoil."""
    copy = tmp_path / "macos"
    shutil.copytree(SOURCES, copy)
    return copy


def test_nothing_is_wrong_with_the_sources() -> None:
    assert faults(SOURCES) == []


def replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(sources: Path) -> None:
        text = (sources / name).read_text("utf-8")
        assert old in text
        (sources / name).write_text(text.replace(old, new), "utf-8")

    return change


def gone(name: str) -> Callable[[Path], None]:
    return lambda sources: (sources / name).unlink()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (replaced("entitlements.plist", "</dict>", ""), "entitlements.plist"),
        (replaced("entitlements.plist", "<true/>", "<false/>"), "entitlements.plist"),
        (replaced("entitlements.plist", "com.apple.security.", "get-task-"), "entitlements.plist"),
        (replaced("components.plist", "<false/>", "<true/>"), "components.plist"),
        (gone("components.plist"), "components.plist"),
        (replaced("Distribution.xml", "</choice>", ""), "Distribution.xml"),
        (replaced("Distribution.xml", "org.ankong.agent", "org.else"), "org.ankong.agent"),
        (replaced("Distribution.xml", 'min="12.0"', 'min="10.0"'), "oldest macOS"),
        (replaced("Distribution.xml", 'choice="ankong"', 'choice="x"'), "choice"),
        (replaced("Distribution.xml", "<license", "<licence"), "no license"),
        (gone("pages.py"), "pages.py: "),
        (replaced("pages.py", "</p>", ""), "en.lproj/welcome.html"),
        (replaced("Distribution.xml", "readme.html", "notes.html"), "notes.html"),
        (replaced("scripts/preinstall", "#!/bin/sh\n", "#!/bin/bash\n"), "not for sh"),
        (replaced("scripts/postinstall", "exit 0", "if true; then"), "sh cannot read it"),
        (replaced("scripts/as_user.sh", '"$@"', "$@"), "shellcheck complains"),
        (replaced("build.sh", "\npackage\n", "\nsudo package\n"), "administrator"),
        (lambda sources: (sources / "uninstall.command").chmod(0o644), "cannot be started"),
    ],
)
def test_what_is_spoilt_is_told(sources: Path, spoil: Callable[[Path], None], told: str) -> None:
    spoil(sources)
    assert told in " ".join(faults(sources))


def test_the_frozen_program_says_the_same_as_the_package() -> None:
    calls = {
        node.func.id: node
        for node in ast.walk(ast.parse(SPEC.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    given = {word.arg: word.value for word in calls["BUNDLE"].keywords}
    assert ast.literal_eval(given["name"]) == "Ankong.app"
    assert ast.literal_eval(given["bundle_identifier"]) == macos_installer.IDENTIFIER
    entries = given["info_plist"]
    assert isinstance(entries, ast.Dict)
    facts = {
        ast.literal_eval(key): value.value
        for key, value in zip(entries.keys, entries.values, strict=True)
        if key is not None and isinstance(value, ast.Constant)
    }
    assert facts["LSUIElement"] is True
    assert facts["LSMinimumSystemVersion"] == macos_installer.OLDEST.replace("_", ".")


# The scripts, as the user that sits there.


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run a script of the package; give its status and what it asked of the program."""
    tools, asked = tmp_path / "bin", tmp_path / "asked"
    tools.mkdir()
    program = tmp_path / "Applications" / "Ankong.app" / "Contents" / "MacOS" / "ankong"
    program.parent.mkdir(parents=True)
    (tools / "id").write_text('#!/bin/sh\n[ "$1" = -u ] && echo 501 || echo wang\n')
    (tools / "id").chmod(0o755)

    def run(name: str, status: int = 0, *, installed: bool = True) -> tuple[int, str]:
        if installed:
            program.write_text(f'#!/bin/sh\necho "$*" >> "{asked}"\nexit {status}\n')
            program.chmod(0o755)
        done = subprocess.run(
            [SOURCES / "scripts" / name, "x.pkg", tmp_path / "Applications", "/", "/"],
            env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
            capture_output=True,
            check=False,
        )
        return done.returncode, asked.read_text() if asked.exists() else ""

    return run


def test_a_running_copy_is_asked_to_end_before_it_is_replaced(
    run_script: Callable[..., tuple[int, str]],
) -> None:
    assert run_script("preinstall") == (0, "quit\n")


def test_a_copy_that_does_not_end_is_not_replaced(
    run_script: Callable[..., tuple[int, str]],
) -> None:
    assert run_script("preinstall", status=1) == (1, "quit\n")


def test_the_first_time_there_is_nobody_to_ask(
    run_script: Callable[..., tuple[int, str]],
) -> None:
    assert run_script("preinstall", installed=False) == (0, "")


@pytest.mark.parametrize("status", [0, 1])
def test_the_program_is_set_up_and_a_fault_of_that_does_not_undo_it(
    run_script: Callable[..., tuple[int, str]], status: int
) -> None:
    assert run_script("postinstall", status=status) == (0, "setup complete\n")


def test_uninstalling_removes_nothing_but_the_program(tmp_path: Path) -> None:
    script = tmp_path / "Documents" / "Contents" / "Resources" / "uninstall.command"
    script.parent.mkdir(parents=True)
    shutil.copy(SOURCES / "uninstall.command", script)
    runpy.run_path(str(SOURCES / "pages.py"))["fill"](script)
    assert "@" not in script.read_text("utf-8").replace('"$@"', "")
    done = subprocess.run([script, "--forget"], capture_output=True, check=False)
    assert done.returncode == 1
    assert b"This is not Ankong" in done.stderr
    assert script.exists()


# The table.


def test_no_file_is_made_and_the_table_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(macos_installer, "resolve_wheels", lambda _machine: None)
    monkeypatch.setattr(installers, "OUT", tmp_path / "out")
    assert installers.build(["macos"]) == 0
    assert list((tmp_path / "out").iterdir()) == []
    told = capsys.readouterr().out
    assert "macos: no file is made here" in told
    assert "nothing of this has been run on a Mac" in told


def test_where_everything_failed_that_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(macos_installer, "faults", lambda _sources: ["spoilt"])
    monkeypatch.setattr(installers, "OUT", tmp_path)
    with pytest.raises(SetupError):
        installers.build(["macos"])


# The wheels' lock.


def test_the_lock_is_read_with_a_macs_eyes() -> None:
    on_a_mac = runpy.run_path(str(SOURCES / "wheels.py"))["on_a_mac"]
    lock = LOCK.read_text("utf-8")
    lines = list(on_a_mac(lock, "arm64", "3.13"))
    names = {line.partition("==")[0] for line in lines if "==" in line}
    assert {"pyobjc-core", "macholib", "pyscard", "pystray"} <= names
    assert not {"dbus-fast", "pefile", "pywin32-ctypes", "typing-extensions"} & names
    assert not [line for line in lines if ";" in line or "#" in line]
    assert "typing-extensions" in " ".join(on_a_mac(lock, "arm64", "3.12"))
    assert "cryptography==" not in "".join(on_a_mac(lock, "x86_64", "3.13", "cryptography"))
    for position, line in enumerate(lines):
        if "==" in line:
            assert "--hash=sha256:" in lines[position + 1]
