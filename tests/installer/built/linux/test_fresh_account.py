"""The first five minutes: a new account, a browser that never ran, and no warning on the way.

From the downloaded ``.run`` to a signature in the portal, as a person does it: the wizard's pages,
the agent's own window, the site's pages, each by keyboard and mouse.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from wizard.texts import load_texts

from agent.portal.demo import browser as demo_browser
from agent.portal.demo.children import Children
from agent.portal.demo.programs import DemoPrograms, Ports
from agent.virtualcard.issuer_directory import DirectoryIssuer
from agent.virtualcard.model import Generation
from agent.virtualcard.rsa_key import RsaKey
from agent.words import Language
from tests.browser.firefox.marionette import find_firefox
from tests.browser.world import PIN, World
from tests.installer.built.conftest import is_usual
from tests.installer.built.linux.account import Account, new_account
from tests.installer.built.linux.conftest import PICTURES, SECONDS, need
from tests.installer.built.linux.first_browser import (
    FirstBrowser,
    first_chromium,
    first_firefox,
)
from tests.installer.built.linux.test_run import Screen
from tests.tray.prompt.desktop import Desktop, x_server

pytestmark = [
    pytest.mark.artefact,
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="a new account takes root"),
]
AIM = 180  # seconds, told beside the time that was taken
AWAKE = 1.0  # seconds after which a window that is to be seen takes keys
BROWSERS: dict[str, Callable[[Account], AbstractContextManager[FirstBrowser]]] = {
    "chromium": first_chromium,
    "firefox": first_firefox,
}
REGISTER = """
    const post = async (path, body) => (await fetch(`/api/${path}`, {
        method: "POST", headers: {"Content-Type": "application/json"},
        body: JSON.stringify(body)})).json();
    const contact = "0912345678";
    const {demo_code} = await post("otp", {contact});
    const {member} = await post("otp/confirm", {contact, code: demo_code});
    return Boolean(member);
"""


@pytest.fixture
def world(
    tmp_path: Path, card_keys: dict[Generation, tuple[RsaKey, RsaKey]], ports: Ports
) -> Iterator[World]:
    """Open a portal that looks for an agent where one is installed."""
    for name in ("logs", "cards"):
        (tmp_path / name).mkdir()
    issuer = DirectoryIssuer.open(tmp_path / "issuer", key_size=2048)
    with Children(tmp_path / "logs") as children:
        programs = DemoPrograms(children, tmp_path, ports, ())
        programs.start_services()
        yield World(programs, issuer, card_keys, tmp_path / "cards", tmp_path / "home")


@pytest.fixture
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    need("useradd", "userdel", "setpriv", "dbus-daemon", "xdotool", "certutil")
    with (
        x_server("1200x900x24", "-ac") as display,
        new_account(f"ankong-new-{request.param}", display) as made,
    ):
        yield made


@pytest.mark.parametrize(
    ("account", "browser"), [(name, name) for name in BROWSERS], indirect=["account"], ids=BROWSERS
)
def test_from_the_download_to_a_signature_without_a_warning(
    account: Account,
    browser: str,
    world: World,
    run_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if (demo_browser.find_chromium() if browser == "chromium" else find_firefox()) is None:
        pytest.skip(f"{browser} is needed")
    use_ports(account, world.programs.ports)
    card = world.card("gen2")
    mine = account.give(card.file, "card.json")
    download = account.give(run_file, f"Downloads/{run_file.name}")
    desktop = Desktop(account.environment["DISPLAY"])
    began = time.monotonic()
    install(account, download)
    with agent(account, mine), BROWSERS[browser](account) as hands:
        sign(hands, desktop, world.url, card.id_number)
        hands.picture(PICTURES / f"fresh-account-{browser}.png")
        assert hands.warnings == []
    seconds = time.monotonic() - began
    told = f"{browser}: from the download to a signature in {seconds:.0f} s (aim: {AIM} s)"
    with capsys.disabled():
        print(f"\n{told}")  # noqa: T201  # it is to be read, whatever else is hidden


def use_ports(account: Account, ports: Ports) -> None:
    """Have the agent take other ports, where somebody on this computer has the usual ones."""
    if not is_usual(ports):
        state = account.make_folder(".local/state/ankong")
        state.chmod(0o700)
        (state / "config.toml").write_text(f"port = {ports.tls}\nhipki_port = {ports.ping}\n")
        shutil.chown(state / "config.toml", account.name, account.name)


def install(account: Account, download: Path) -> None:
    """Go through the wizard; what it would start is started with a virtual card instead."""
    texts = load_texts(Language.CHINESE)
    screen = Screen(account.environment["DISPLAY"], account.home, "zh_TW.UTF-8")
    with account.start("sh", download) as wizard:
        try:
            screen.see(texts.welcome_title)
            screen.press("Return")
            screen.see(texts.licence_title)
            screen.press("alt+a", "alt+n")
            screen.see(texts.added_title)
            screen.press("Return")
            screen.see(texts.finish_title)
            screen.press("alt+s", "Return")
            assert wizard.wait(60) == 0
        finally:
            wizard.kill()


@contextmanager
def agent(account: Account, card: Path) -> Iterator[None]:
    """Run it as the menu of applications does, with a card in a reader."""
    words = (account.home / ".local/bin/ankong", "tray", "--virtual-card", card)
    with account.start(*words, stderr=subprocess.DEVNULL) as running:
        try:
            wait_until_it_listens(account)
            yield
        finally:
            running.kill()


def wait_until_it_listens(account: Account) -> None:
    """Believe what the agent writes down: it answers the programs of its own user only."""
    record = account.home / ".local/state/ankong/instance.json"
    end = time.monotonic() + SECONDS
    while not (record.exists() and json.loads(record.read_text()).get("port")):
        assert time.monotonic() < end, "the agent does not listen"
        time.sleep(0.1)


def sign(hands: FirstBrowser, desktop: Desktop, url: str, id_number: str) -> None:
    """Become a member of the portal, and a gold one by a signature of the card."""
    hands.go(url)
    hands.wait("#contact")
    assert hands.run(REGISTER)
    hands.go(url)
    hands.wait("#portrait")
    hands.run('location.hash = "/upgrade/component";')
    hands.wait(".chip[data-state=running]")
    hands.click("#next:enabled")
    hands.type("#id-number", id_number)
    hands.click("#next")
    hands.wait("#card-panel[data-view=asking]")
    answer(desktop)
    hands.wait("#card-panel[data-view=pin]")
    hands.type("#pin", PIN)
    hands.click("#submit-pin")
    hands.wait(".success")
    hands.wait("#portrait .badge.gold")


def answer(desktop: Desktop) -> None:
    """Allow the site in the agent's own window."""
    desktop.see()
    time.sleep(AWAKE)
    desktop.picture("fresh-account-asks")
    desktop.press("alt+a")
    desktop.see_nothing()
