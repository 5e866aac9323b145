"""Administrators' silent mode, upgrades over a running agent, and the start at sign-in."""

import re
from pathlib import Path

from agent.portal.demo.programs import free_port
from tests.installer.built.windows.conftest import Switch
from tests.installer.built.windows.machine import Machine, is_free
from tests.installer.built.windows.walk import (
    ask,
    install_quietly,
    pretend_older,
    to_plan,
    wait_for_agent,
)
from tests.installer.built.windows.words import CHINESE, ENGLISH


def _settle(machine: Machine) -> int:
    """Return the agent ports of its own; return that of the native API."""
    port = free_port()
    machine.settings(port=port, hipki_port=0, check_peer=False)
    return port


def test_a_silent_upgrade_ends_the_agent_and_starts_the_new_one(
    switch_on: Switch, wizard: Path, version: str
) -> None:
    machine = switch_on("en_US")
    port = _settle(machine)
    install_quietly(machine, wizard, "/TRUST")
    assert machine.ankong("--version") == (0, f"ankong {version}\n")
    assert machine.ankong("trust", "check")[0] == 0
    entry = "\n".join(line for line in machine.registry() if "Uninstall\\Ankong" in line)
    for each in (
        f'"DisplayVersion"="{version}"',
        '"EstimatedSize"=dword:',
        '"QuietUninstallString"',
    ):
        assert each in entry
    assert re.search(r"^.*\"DisplayName\"=\"安控 Ankong\"$", entry, re.MULTILINE)
    _leave_traces_of_another_version(machine.folder)
    machine.start(machine.folder / "ankongw.exe", "tray")
    first = wait_for_agent(machine)
    install_quietly(machine, wizard)
    second = wait_for_agent(machine, after=first["pid"])
    assert second["port"] == port
    assert ask(machine, port)["product"] == "ankong"
    assert not (machine.folder / "_internal" / "gone" / "old.dll").exists()
    assert not (machine.folder / "_internal" / "gone").exists()
    assert not (machine.folder / "next").exists()
    assert (machine.folder / "_internal" / "notes.txt").read_text() == "mine"
    assert machine.run(machine.folder / "uninstall.exe", "/S")[0] == 0
    machine.wait(lambda: not (machine.folder / "uninstall.exe").exists(), "the uninstaller")
    machine.wait(lambda: is_free(port), "the end of the agent")
    left = {each.name for each in machine.folder.rglob("*")}
    assert left == {"_internal", "notes.txt"}, "what is not ours stays, and nothing else"
    kept = {each.name for each in machine.state.iterdir()}
    assert kept == {"sites.sqlite", "history.sqlite", "history.key"}


def _leave_traces_of_another_version(folder: Path) -> None:
    """Put a file there that the list names and the new version does not have, and one of a user."""
    gone = folder / "_internal" / "gone"
    gone.mkdir()
    (gone / "old.dll").write_bytes(b"old")
    (folder / "_internal" / "notes.txt").write_text("mine")
    listing = folder / "manifest.txt"
    more = b"f_internal\\gone\\old.dll\r\nr_internal\\gone\r\n"
    listing.write_bytes(listing.read_bytes() + more)


def test_the_wizard_asks_before_it_ends_the_agent_which_starts_again_at_sign_in(
    switch_on: Switch, wizard: Path
) -> None:
    words = CHINESE
    machine = switch_on(words.language)
    port = _settle(machine)
    install_quietly(machine, wizard)
    machine.start(machine.folder / "ankongw.exe", "tray")
    first = wait_for_agent(machine)
    pretend_older(machine)
    machine.start(wizard)
    assert words.update in machine.hands.see(words.again).all
    machine.picture(f"{words.language}-update")
    plan = to_plan(machine, words, updates=True)
    plan.press(words.install)
    asked = machine.hands.see(words.closes)
    machine.picture("closes-the-running-agent")
    asked.press(words.cancel)
    machine.hands.gone(words.closes)
    assert ask(machine, port)["product"] == "ankong", "who says no keeps what runs"
    machine.hands.see(words.plan[0]).press(words.install)
    machine.hands.see(words.closes).press(words.ok)
    finish = machine.hands.see(words.finished)
    assert is_free(port)
    finish.press(words.start_now)
    finish.press(words.finish)
    machine.hands.gone(words.finished)
    assert machine.run("wineboot")[0] == 0  # as at sign-in, it runs what the Run key names
    second = wait_for_agent(machine, after=first["pid"])
    assert second["port"] == port
    assert ask(machine, port)["product"] == "ankong"
    assert machine.ankong("quit")[0] == 0
    assert is_free(port)


def test_a_second_wizard_gives_way_to_the_first(switch_on: Switch, wizard: Path) -> None:
    machine = switch_on(ENGLISH.language)
    machine.start(wizard)
    machine.hands.see(ENGLISH.welcome)
    machine.start(wizard)
    machine.hands.see(ENGLISH.open_already).press(ENGLISH.ok)
    machine.hands.gone(ENGLISH.open_already)
    assert machine.run(wizard, "/S")[0] == 2
    machine.hands.see(ENGLISH.welcome).press(ENGLISH.cancel)
