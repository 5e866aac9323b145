"""What is there already: repaired, with the citizen's own kept, or removed; one at a time."""

from pathlib import Path

from tests.installer.built.windows.conftest import Switch
from tests.installer.built.windows.machine import Machine
from tests.installer.built.windows.test_trouble import whole_program
from tests.installer.built.windows.walk import install_quietly, repair
from tests.installer.built.windows.words import CHINESE, ENGLISH, Words

KEPT = "sites.sqlite"


def _files(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*")}


def _damage(machine: Machine) -> bytes:
    """Break what can be broken; return what is the citizen's."""
    (machine.folder / "ankongw.exe").unlink()
    (machine.folder / "uninstall.exe").unlink()
    (machine.folder / "_internal" / "base_library.zip").write_bytes(b"rubbish")
    menu = machine.prefix.user / "AppData/Roaming/Microsoft/Windows/Start Menu/Programs"
    for link in menu.glob("*Ankong*.lnk"):
        link.unlink()
    (machine.state / "tls" / "leaf-0.pem").write_bytes(b"rubbish")
    (machine.state / "config.toml").write_text("port = 'nonsense'\n")
    return (machine.state / KEPT).read_bytes()


def test_repair_puts_everything_back_and_keeps_what_is_the_citizens(
    switch_on: Switch, wizard: Path, words: Words
) -> None:
    machine = switch_on(words.language)
    install_quietly(machine, wizard, "/TRUST", "/NOAUTOSTART")
    assert machine.ankong("sites", "allow-blind", "https://portal.example")[0] == 0
    kept = _damage(machine)
    machine.start(wizard)
    first = machine.hands.see(words.again)
    for each in (words.update, *words.repair, words.removal):
        assert each in first.all
    assert first.state(words.repair[0])["ticked"]
    machine.picture(f"{words.language}-repair")
    finish = repair(machine, words)
    assert words.settings_aside in finish.all
    assert not finish.state(words.start_at_login)["ticked"], "what was chosen stays chosen"
    machine.picture(f"{words.language}-repaired")
    finish.press(words.start_now)
    finish.press(words.finish)
    machine.hands.gone(words.repaired)
    assert _files(machine.folder) == whole_program()
    assert machine.ankong("trust", "check")[0] == 0
    assert (machine.state / KEPT).read_bytes() == kept
    [aside] = machine.state.glob("config.toml.broken-*")
    assert aside.read_text() == "port = 'nonsense'\n"
    menu = machine.prefix.user / "AppData/Roaming/Microsoft/Windows/Start Menu/Programs"
    assert list(menu.glob("*Ankong*.lnk"))


def test_a_switch_repairs_at_once_and_the_first_page_removes(
    switch_on: Switch, wizard: Path
) -> None:
    words = ENGLISH
    machine = switch_on(words.language)
    install_quietly(machine, wizard)
    (machine.folder / "ankong.exe").unlink()
    machine.start(wizard, "/REPAIR")
    finish = machine.hands.see(words.repaired)
    assert (machine.folder / "ankong.exe").exists()
    finish.press(words.start_now)
    finish.press(words.finish)
    machine.hands.gone(words.repaired)
    (machine.folder / "uninstall.exe").unlink()
    machine.start(wizard)
    first = machine.hands.see(words.again)
    first.press(words.removal)
    first.press(words.next)
    page = machine.hands.see(words.remove[0])
    page.press(words.uninstall)
    machine.hands.see(words.uninstalled).press(words.close)
    machine.wait(lambda: not machine.folder.exists(), "the uninstaller")


def test_no_wizard_begins_while_something_is_removed(switch_on: Switch, wizard: Path) -> None:
    words = CHINESE
    machine = switch_on(words.language)
    install_quietly(machine, wizard)
    machine.start(machine.folder / "uninstall.exe")
    machine.hands.see(words.remove[0])
    assert machine.run(wizard, "/S")[0] == 2
    machine.start(wizard)
    told = machine.hands.see(words.open_already)
    machine.picture("open-already")
    told.press(words.ok)
    machine.hands.gone(words.open_already)
    machine.hands.see(words.remove[0]).press(words.cancel)
    assert _files(machine.folder) == whole_program()
