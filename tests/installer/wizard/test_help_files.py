"""The manual page and the completions of a ``.run``: found unasked, mended, and gone with it."""

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from linux.build.run_file import write_help
from wizard.context import WizardContext
from wizard.damage import Damage
from wizard.errors import WizardError
from wizard.install_paths import InstallPaths
from wizard.installation import ProgramInstaller, read_record, remove

from agent.host.machine.paths import Paths

VERSION = "1.2.3"
PAGE = Path("man/man1/ankong.1")
CHINESE_PAGE = Path("man/zh_TW/man1/ankong.1")
BASH = Path("bash-completion/completions/ankong")
FISH = Path("fish/vendor_completions.d/ankong.fish")
ALL = (PAGE, CHINESE_PAGE, BASH, FISH)


@pytest.fixture
def context(program: Path, paths: InstallPaths, home: Path) -> WizardContext:
    """Return what the wizard of a ``.run`` has before anything is installed."""
    write_help(program / "_internal" / "share", VERSION)
    return WizardContext(program, VERSION, paths, Paths(home / "state"))


def put_in_place(context: WizardContext) -> None:
    installer = ProgramInstaller(context.source, context.version, context.paths)
    installer.run(lambda _: None, threading.Event())


def recorded(paths: InstallPaths) -> set[str]:
    record = read_record(paths)
    assert record is not None
    return set(record.files)


def left(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if not path.is_dir() or path.is_symlink()]


def test_the_run_brings_what_a_user_s_programs_read_and_nothing_that_none_does(
    context: WizardContext,
) -> None:
    share = context.source / "_internal" / "share"
    brought = {path.relative_to(share) for path in share.rglob("*") if path.is_file()}
    assert brought == set(ALL)
    assert "config/autostart" in (share / PAGE).read_text()
    assert "xdg/autostart" not in (share / PAGE).read_text()


def test_all_of_it_is_put_there_readable_and_removed_again(
    context: WizardContext, home: Path
) -> None:
    put_in_place(context)
    for place in ALL:
        path = home / ".local" / "share" / place
        assert path.read_bytes() == (context.source / "_internal/share" / place).read_bytes()
        assert path.stat().st_mode & 0o777 == 0o644
    assert context.damage() == Damage(0, ())
    remove(context.source, context.paths)
    assert list(home.iterdir()) == []


def found_by(command: list[str], home: Path, **more: str) -> str:
    """Run a program of the system's as this user, who has the commands on their PATH."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    env = {"HOME": str(home), "PATH": f"{home}/.local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, env={**env, **more}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("elsewhere", [False, True])
def test_man_and_fish_find_it_by_themselves(
    context: WizardContext, home: Path, tmp_path: Path, *, elsewhere: bool
) -> None:
    """Also where the user keeps data elsewhere, of which ``man`` has never heard."""
    chosen = {"XDG_DATA_HOME": str(tmp_path / "data")} if elsewhere else {}
    paths = InstallPaths.of(chosen, home)
    put_in_place(WizardContext(context.source, VERSION, paths, context.agent_paths))
    assert (paths.data / BASH).is_file()
    said = found_by(["man", "-w", "ankong"], home, **chosen)
    assert said.strip() == str(home / ".local" / "share" / PAGE)
    completed = found_by(["fish", "-c", "complete -C 'ankong doc'"], home, **chosen)
    assert completed.startswith("doctor")


def test_bash_completion_looks_where_it_is(context: WizardContext, home: Path) -> None:
    """Its loader sources this file when the command is completed for the first time."""
    put_in_place(context)
    program = ["bash", "--norc", "-c", '. "$0" && complete -p ankong']
    assert "ankong" in found_by([*program, str(context.paths.data / BASH)], home)


@pytest.mark.parametrize("place", ALL)
def test_what_is_missing_or_changed_is_mended(context: WizardContext, place: Path) -> None:
    put_in_place(context)
    path = context.paths.help(place)
    path.write_text("changed")
    assert context.damage() == Damage(0, ("help",))
    put_in_place(context)
    assert context.damage() == Damage(0, ())
    path.unlink()
    assert context.damage() == Damage(0, ("help",))
    put_in_place(context)
    assert context.damage() == Damage(0, ())


@pytest.mark.parametrize("place", ALL)
@pytest.mark.parametrize("is_same", [False, True])
def test_a_file_of_the_user_s_own_stays(
    context: WizardContext, home: Path, place: Path, *, is_same: bool
) -> None:
    """Whoever ran ``ankong completion bash`` before the installation keeps what it printed."""
    path = context.paths.help(place)
    path.parent.mkdir(parents=True)
    brought = context.source / "_internal" / "share" / place
    content = brought.read_bytes() if is_same else b"# my own\n"
    path.write_bytes(content)
    put_in_place(context)
    put_in_place(context)
    assert str(path) not in recorded(context.paths)
    assert context.damage() == Damage(0, ())
    remove(context.source, context.paths)
    assert left(home) == [path]
    assert path.read_bytes() == content


@pytest.mark.parametrize("place", ALL)
def test_a_link_in_the_way_is_kept_and_not_followed(
    context: WizardContext, home: Path, tmp_path: Path, place: Path
) -> None:
    elsewhere = tmp_path / "dotfile"
    elsewhere.write_text("mine")
    path = context.paths.help(place)
    path.parent.mkdir(parents=True)
    path.symlink_to(elsewhere)
    put_in_place(context)
    assert path.is_symlink()
    assert elsewhere.read_text() == "mine"
    remove(context.source, context.paths)
    assert left(home) == [path]


def _a_file(path: Path) -> None:
    path.write_text("a file where a folder has to be")


def _a_link_to_nowhere(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("obstacle", [_a_file, _a_link_to_nowhere])
@pytest.mark.parametrize("place", ALL)
def test_where_it_cannot_be_written_the_program_is_installed_all_the_same(
    context: WizardContext, home: Path, place: Path, obstacle: object
) -> None:
    top = context.paths.help(Path(place.parts[0]))
    top.parent.mkdir(parents=True)
    (_a_file if obstacle is _a_file else _a_link_to_nowhere)(top)
    put_in_place(context)
    assert context.paths.executable.exists()
    assert context.paths.command.is_symlink()
    assert str(context.paths.help(place)) not in recorded(context.paths)
    assert context.damage() == Damage(0, ())
    remove(context.source, context.paths)
    assert left(home) == [top]


def test_a_folder_of_root_s_is_no_reason_to_fail(
    context: WizardContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``sudo fish`` leaves it; these tests may run as root, who may write everywhere."""
    folder, access = context.paths.data / "fish", os.access
    folder.mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda path, mode: path != folder and access(path, mode))
    put_in_place(context)
    assert str(context.paths.help(FISH)) not in recorded(context.paths)


def test_what_the_program_needs_fails_before_anything_is_changed(
    context: WizardContext,
) -> None:
    put_in_place(context)
    shutil.rmtree(context.paths.data / "icons")
    (context.paths.data / "icons").write_text("a file where a folder has to be")
    (context.paths.executable).write_text("damaged")
    with pytest.raises(WizardError) as caught:
        put_in_place(context)
    assert caught.value.facts["path"] == str(context.paths.data / "icons")
    assert context.paths.executable.read_text() == "damaged"
    assert not context.paths.staging.exists()


def test_folders_and_files_that_took_the_place_are_left_at_removal(
    context: WizardContext, home: Path
) -> None:
    put_in_place(context)
    in_the_way = context.paths.help(PAGE)
    in_the_way.unlink()
    (in_the_way / "mine").mkdir(parents=True)
    shutil.rmtree(context.paths.data / "fish")
    (context.paths.data / "fish").write_text("mine")
    put_in_place(context)
    remove(context.source, context.paths)
    assert left(home) == [context.paths.data / "fish"]
    assert (in_the_way / "mine").is_dir()


def test_without_its_record_an_older_version_s_is_known_all_the_same(
    context: WizardContext, home: Path
) -> None:
    put_in_place(context)
    context.paths.record.unlink()
    write_help(context.source / "_internal" / "share", "1.2.4")
    put_in_place(context)
    assert b"1.2.4" in context.paths.help(PAGE).read_bytes()
    context.paths.record.unlink()
    write_help(context.source / "_internal" / "share", "1.2.5")
    remove(context.source, context.paths)
    assert left(home) == []


def test_what_a_newer_version_brings_no_more_goes(context: WizardContext) -> None:
    put_in_place(context)
    (context.source / "_internal" / "share" / FISH).unlink()
    put_in_place(context)
    assert not context.paths.help(FISH).exists()
    assert str(context.paths.help(FISH)) not in recorded(context.paths)
