"""Repair: what is missing or damaged is found and mended, and what is the citizen's stays."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from wizard.context import WizardContext
from wizard.damage import Damage
from wizard.install_paths import InstallPaths
from wizard.installation import ProgramInstaller, read_record, remove

from agent.host.machine.paths import Paths

VERSION = "1.2.3"


@pytest.fixture
def context(program: Path, paths: InstallPaths, home: Path) -> WizardContext:
    """Return the context of an installation that is whole."""
    made = WizardContext(program, VERSION, paths, Paths(home / "state"))
    put_in_place(made)
    return made


def put_in_place(context: WizardContext) -> None:
    installer = ProgramInstaller(context.source, VERSION, context.paths)
    installer.run(lambda _: None, threading.Event())


def test_what_is_whole_has_no_damage(context: WizardContext) -> None:
    assert context.damage() == Damage(0, ())


def _without_the_program(paths: InstallPaths) -> None:
    paths.executable.unlink()


def _with_a_changed_file(paths: InstallPaths) -> None:
    (paths.program / "_internal" / "data").write_bytes(bytes(2_999_999) + b"x")


def _with_a_folder_for_a_file(paths: InstallPaths) -> None:
    (paths.program / "_internal" / "data").unlink()
    (paths.program / "_internal" / "data").mkdir()


def _with_a_link_elsewhere(paths: InstallPaths) -> None:
    (paths.program / "_internal" / "link").unlink()
    (paths.program / "_internal" / "link").symlink_to("elsewhere")


def _with_a_program_that_cannot_be_run(paths: InstallPaths) -> None:
    paths.executable.chmod(0o644)


def _without_a_command(paths: InstallPaths) -> None:
    paths.command.unlink()


def _without_the_uninstaller(paths: InstallPaths) -> None:
    paths.removal_script.unlink()


def _with_a_strange_menu(paths: InstallPaths) -> None:
    paths.menu_entry.write_text("[Desktop Entry]\nExec=something else\n")


def _without_menu_and_icons(paths: InstallPaths) -> None:
    paths.removal_entry.unlink()
    shutil.rmtree(paths.data / "icons")


def _without_the_record(paths: InstallPaths) -> None:
    paths.record.write_text("rubbish")


DAMAGES: dict[str, tuple[Callable[[InstallPaths], None], Damage]] = {
    damage.__name__.strip("_"): (damage, found)
    for damage, found in (
        (_without_the_program, Damage(1, ())),
        (_with_a_changed_file, Damage(1, ())),
        (_with_a_folder_for_a_file, Damage(1, ())),
        (_with_a_link_elsewhere, Damage(1, ())),
        (_with_a_program_that_cannot_be_run, Damage(1, ())),
        (_without_a_command, Damage(0, ("commands",))),
        (_without_the_uninstaller, Damage(0, ("commands",))),
        (_with_a_strange_menu, Damage(0, ("menu",))),
        (_without_menu_and_icons, Damage(0, ("menu", "icons"))),
        (_without_the_record, Damage(0, ("record",))),
    )
}


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_found_and_mended(context: WizardContext, name: str) -> None:
    damage, found = DAMAGES[name]
    damage(context.paths)
    assert context.is_this_version()
    assert context.damage() == found
    put_in_place(context)
    assert context.damage() == Damage(0, ())


def test_a_program_whose_folder_was_moved_aside_is_still_installed(context: WizardContext) -> None:
    context.paths.program.rename(context.paths.replaced)
    assert context.is_this_version()
    put_in_place(context)
    assert context.damage() == Damage(0, ())


def test_without_its_record_it_is_removed_all_the_same(context: WizardContext, home: Path) -> None:
    context.paths.record.unlink()
    remove(context.source, context.paths)
    assert [path for path in home.rglob("*") if not path.is_dir()] == []


def test_what_is_somebody_elses_is_neither_mended_nor_removed(
    context: WizardContext, home: Path
) -> None:
    paths = context.paths
    paths.record.unlink()
    paths.command.unlink()
    paths.command.write_text("somebody else's")
    paths.menu_entry.write_text("[Desktop Entry]\nExec=/usr/bin/other\n")
    paths.icon(48).write_bytes(b"another picture")
    put_in_place(context)
    record = read_record(paths)
    assert record is not None
    others = {str(paths.command), str(paths.menu_entry), str(paths.icon(48))}
    assert not others & set(record.files)
    remove(context.source, paths)
    left = {str(path) for path in home.rglob("*") if not path.is_dir()}
    assert left == others
