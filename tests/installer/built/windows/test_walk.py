"""The citizen's first five minutes, page by page in both languages, and the way back to nothing."""

import logging
import re
import time
from collections.abc import Iterable
from pathlib import Path

from agent.portal.demo.programs import Ports
from agent.words import Language, choice_label
from tests.installer.built.conftest import is_usual
from tests.installer.built.windows.conftest import Switch
from tests.installer.built.windows.machine import Machine, is_free
from tests.installer.built.windows.walk import (
    ask,
    ask_plainly,
    repair,
    to_plan,
    wait_for_agent,
)
from tests.installer.built.windows.words import CHINESE, ENGLISH, Words

# What Windows, and Wine, write down about themselves while programs run.
OTHERS = re.compile(
    r"users/[^/]+/(Temp|AppData/Local/Temp)(/|$)"  # NSIS' own copies, as on Windows
    r"|windows/(Prefetch|temp)|users/[^/]+/AppData/Local/Microsoft|ProgramData/Microsoft"
)
OTHERS_KEYS = re.compile(
    r"\\(Wine|Explorer|Console|Policies|Volatile Environment)[\\ ]"
    # The folders of the certificate stores, which reading them makes, without what is in them.
    r"|\\SystemCertificates(\\\w+(\\(Certificates|CRLs|CTLs))?)? "
    r"|LOCAL_MACHINE.*\\SystemCertificates\\Root\\|LOCAL_MACHINE\\Software\\Microsoft "
    r"|Windows\\(Safer|CurrentVersion\\Internet Settings)|^HKEY_\w+ "
)

_log = logging.getLogger(__name__)


def test_every_page_then_the_agent_answers_then_nothing_is_left(
    switch_on: Switch, wizard: Path, words: Words, ports: Ports
) -> None:
    are_usual = is_usual(ports)  # where another agent has them, this one takes others
    machine = switch_on(words.language, tray=True)
    files, keys = machine.tree(), machine.registry()
    other = {} if are_usual else {"port": ports.tls, "hipki_port": ports.ping}
    machine.settings(check_peer=False, **other)
    began = time.monotonic()
    machine.start(wizard)
    _read_every_page(machine, words)
    finish = machine.hands.see(words.finished)
    _log.info("from start to the last page: %.1f s, with pictures", time.monotonic() - began)
    assert words.finished_text in finish.all
    assert words.no_cards in finish.all  # Wine 8 has no smart-card service
    if are_usual:
        assert words.port_taken not in finish.all
    assert finish.state(words.start_now)["ticked"]
    assert finish.state(words.start_at_login)["ticked"]
    machine.picture(f"{words.language}-finish")
    finish.press(words.finish)
    began = time.monotonic()
    wait_for_agent(machine)
    status = ask(machine, ports.tls)
    _log.info("from there to the first answer: %.1f s", time.monotonic() - began)
    assert (status["product"], status["allowed"]) == ("ankong", False)
    answered, page = ask_plainly(ports.ping, "/selfTest.htm")
    assert (answered, b"<html" in page.lower()) == (200, True)
    machine.picture(f"{words.language}-tray")
    assert _is_trusted(machine)
    assert _starts_at_login(machine)
    _uninstall(machine, words)
    machine.wait(lambda: all(map(is_free, (ports.tls, ports.ping))), "the end of the agent")
    assert _left(machine.tree() - files, words) == set()
    assert {line for line in machine.registry() ^ keys if not OTHERS_KEYS.search(line)} == set()


def _read_every_page(machine: Machine, words: Words) -> None:
    welcome = machine.hands.see(words.welcome)
    machine.picture(f"{words.language}-welcome")
    welcome.press(words.next)
    licence = machine.hands.see(words.licence_text)
    assert words.licence in licence.all
    assert not licence.state(words.accept)["ticked"]
    assert not licence.state(words.next)["enabled"], "the licence has to be accepted first"
    machine.picture(f"{words.language}-licence")
    licence.press(words.back)
    machine.hands.see(words.welcome).press(words.next)
    licence = machine.hands.see(words.licence_text)
    licence.press(words.accept)
    licence.press(words.next)
    plan = machine.hands.see(words.plan[0])
    for each in (*words.plan, *words.question):
        assert each in plan.all
    machine.picture(f"{words.language}-plan")
    plan.press(words.back)
    machine.hands.see(words.licence_text).press(words.next)
    machine.hands.see(words.plan[0]).press(words.install)


def _uninstall(machine: Machine, words: Words) -> None:
    machine.start(machine.folder / "uninstall.exe")
    page = machine.hands.see(words.remove[0])
    assert words.remove[1] in page.all
    assert page.state(words.keep)["ticked"]
    machine.picture(f"{words.language}-uninstall")
    if words is ENGLISH:
        page.press(words.keep)
    page.press(words.uninstall)
    done = machine.hands.see(words.uninstalled)
    machine.picture(f"{words.language}-uninstalled")
    done.press(words.close)
    machine.hands.gone(words.uninstalled)


def _left(paths: Iterable[str], words: Words) -> set[str]:
    left = {path for path in paths if not OTHERS.search(path)}
    if words is CHINESE:  # who kept sites and history
        names = r"sites\.sqlite|history\.(sqlite|witness|key)"
        kept = {path for path in left if re.search(rf"Local/ankong(/({names}))?$", path)}
        assert len(kept) == 4  # nothing was signed yet, so that there is nothing to witness
        return left - kept
    return left


def _is_trusted(machine: Machine) -> bool:
    return machine.ankong("trust", "check")[0] == 0


def _starts_at_login(machine: Machine) -> bool:
    return any(
        re.search(r'Run "Ankong"=.*ankongw\.exe.* tray', line) for line in machine.registry()
    )


def test_who_cancels_has_changed_nothing_and_the_language_can_be_chosen(
    switch_on: Switch, wizard: Path
) -> None:
    machine = switch_on("fr_FR")
    files, keys = machine.tree(), machine.registry()
    machine.start(wizard)
    box = machine.hands.see("Please choose a language")
    machine.picture("language")
    # The list is in the order of their letters.
    offered = sorted(choice_label(each, each) for each in Language)
    box.pick(offered.index(Language.CHINESE.endonym))
    box.press("OK")
    to_plan(machine, CHINESE).press(CHINESE.cancel)
    really = machine.hands.see(CHINESE.really)
    really.press("Non")  # Windows' own button, in Windows' language
    machine.hands.gone(CHINESE.really)
    machine.hands.see(CHINESE.plan[0]).press(CHINESE.cancel)
    machine.hands.see(CHINESE.really).press("Oui")
    machine.hands.gone(CHINESE.plan[0])
    assert {path for path in machine.tree() - files if not OTHERS.search(path)} == set()
    assert {line for line in machine.registry() ^ keys if not OTHERS_KEYS.search(line)} == set()


def test_who_wants_no_start_at_login_gets_none(switch_on: Switch, wizard: Path) -> None:
    machine = switch_on("en_US")
    machine.start(wizard, "/NOTRUST")
    plan = to_plan(machine, ENGLISH)
    assert ENGLISH.no_question in plan.all
    assert ENGLISH.question[0] not in plan.all
    plan.press(ENGLISH.install)
    finish = machine.hands.see(ENGLISH.finished)
    finish.press(ENGLISH.start_now)
    finish.press(ENGLISH.start_at_login)
    finish.press(ENGLISH.finish)
    machine.hands.gone(ENGLISH.finished)
    machine.wait(lambda: not _starts_at_login(machine), "no start at login")
    assert not _is_trusted(machine)
    assert not (machine.state / "instance.json").exists(), "it was not to be started"
    machine.start(wizard)
    finish = repair(machine, ENGLISH)
    assert not finish.state(ENGLISH.start_at_login)["ticked"], "what was chosen stays chosen"
    finish.press(ENGLISH.start_now)
    finish.press(ENGLISH.finish)
    machine.hands.gone(ENGLISH.repaired)
    assert _is_trusted(machine)
    assert not _starts_at_login(machine)
