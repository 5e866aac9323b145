"""The first five minutes of a real Chromium: before its first start, running meanwhile, boxed in.

A profile of its own, as citizens have it: a window without one reads the database anew.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Error, sync_playwright

from agent.host.tls.authority import LocalAuthority
from agent.host.tls.chromium import ChromiumStore
from agent.host.tls.machine import Machine
from agent.host.tls.store import AuthorityFile, Presence
from agent.host.tls.trust import Trust
from agent.host.tls.trust_keeper import TrustKeeper
from agent.portal.demo import browser as demo_browser
from tests.browser.tls.conftest import Serve, new_home, save_authority

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("needs_chromium")]

REFUSED = "net::ERR_CERT_AUTHORITY_INVALID"


@dataclass
class Newcomer:
    """A new account with an installed Chromium, and a server that speaks as the agent does."""

    home: Path
    port: int
    authority: AuthorityFile
    folder: Path

    def __post_init__(self) -> None:
        # The sandboxed places of this computer's own root are none of the test's.
        self.machine = Machine(
            home=self.home, root=self.folder / "root", platform="linux", environment={}
        )
        self.trust = Trust(self.folder / "trust.json", self.machine)
        self.keeper = TrustKeeper(
            self.folder / "trust.json", lambda: self.authority.path, self.machine
        )


@pytest.fixture
def newcomer(serve: Serve, tmp_path: Path) -> Newcomer:
    authority = LocalAuthority(datetime.now(UTC))
    port = serve(authority.leaf(authority.certificate.not_valid_before_utc))
    home = tmp_path / "home"
    home.mkdir()
    file = AuthorityFile.load(save_authority(tmp_path, authority))
    return Newcomer(home, port, file, tmp_path)


@contextmanager
def browser(home: Path, **environment: str) -> Iterator[BrowserContext]:
    """Start a Chromium with a profile, as a citizen does."""
    path = demo_browser.find_chromium()
    assert path is not None
    surroundings = {**os.environ, **demo_browser.environment(home), **environment}
    if "XDG_DATA_HOME" not in environment:
        surroundings.pop("XDG_DATA_HOME", None)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch_persistent_context(
            home / "profile",
            executable_path=path,
            args=demo_browser.sandbox_flags(),
            env=surroundings,
        )
        try:
            yield opened
        finally:
            opened.close()


def says(opened: BrowserContext, port: int) -> str:
    """Open our page; give its title, or Chromium's name for what is wrong."""
    page = opened.new_page()
    try:
        page.goto(f"https://localhost:{port}/")
        return page.title()
    except Error as error:
        return next(word for word in error.message.split() if word.startswith("net::"))
    finally:
        page.close()


def test_a_chromium_that_never_ran_trusts_us_at_its_first_start(newcomer: Newcomer) -> None:
    newcomer.trust.install(newcomer.authority)
    with browser(newcomer.home) as opened:
        assert says(opened, newcomer.port) == "reached"
        newcomer.keeper.look()
        assert newcomer.keeper.restart_needed() == ()
    assert newcomer.trust.uninstall() == []
    with browser(newcomer.home) as opened:
        assert says(opened, newcomer.port) == REFUSED


def test_a_moved_data_folder_is_where_it_trusts_us(newcomer: Newcomer) -> None:
    moved = newcomer.home / "moved"
    machine = Machine(
        home=newcomer.home,
        root=newcomer.folder / "root",
        platform="linux",
        environment={"XDG_DATA_HOME": str(moved)},
    )
    Trust(newcomer.folder / "trust.json", machine).install(newcomer.authority)
    with browser(newcomer.home, XDG_DATA_HOME=str(moved)) as opened:
        assert says(opened, newcomer.port) == "reached"


def test_a_chromium_that_ran_meanwhile_must_be_restarted(newcomer: Newcomer) -> None:
    new_home(newcomer.home)
    with browser(newcomer.home) as opened:
        assert says(opened, newcomer.port) == REFUSED  # now it has read its database
        newcomer.trust.install(newcomer.authority)
        newcomer.keeper.look()
        assert newcomer.keeper.restart_needed() == ("Chromium",)
        assert says(opened, newcomer.port) == REFUSED
    newcomer.keeper.look()
    assert newcomer.keeper.restart_needed() == ()
    with browser(newcomer.home) as opened:
        assert says(opened, newcomer.port) == "reached"
        newcomer.keeper.look()
        assert newcomer.keeper.restart_needed() == ()


def test_a_database_that_comes_later_is_served(newcomer: Newcomer) -> None:
    newcomer.trust.install(newcomer.authority)
    newcomer.trust.uninstall()  # nothing is there, and nothing is wanted
    with browser(newcomer.home) as opened:
        assert says(opened, newcomer.port) == REFUSED
    newcomer.keeper.tend()
    with browser(newcomer.home) as opened:
        assert says(opened, newcomer.port) == REFUSED
    newcomer.trust.install(newcomer.authority)
    new_home(newcomer.home / "snap" / "chromium" / "current")
    newcomer.keeper.tend()
    with browser(newcomer.home / "snap" / "chromium" / "current") as opened:
        assert says(opened, newcomer.port) == "reached"


@pytest.mark.parametrize(
    ("base", "data"),
    [
        ("snap/chromium/current", ".local/share"),
        (".var/app/org.chromium.Chromium", "data"),
        (".var/app/com.google.Chrome", "data"),
    ],
)
@pytest.mark.parametrize("has_old_place", [True, False])
def test_a_chromium_in_a_sandbox_trusts_us(
    newcomer: Newcomer, base: str, data: str, has_old_place: bool
) -> None:
    inside = newcomer.home / base
    inside.mkdir(parents=True)
    newcomer.trust.install(newcomer.authority)
    if not has_old_place:  # as where the sandbox keeps no ~/.pki
        (inside / ".pki").rename(inside / "hidden")
    with browser(inside, XDG_DATA_HOME=str(inside / data)) as opened:
        assert says(opened, newcomer.port) == "reached"


def test_a_database_with_a_password_is_left_as_it_is(newcomer: Newcomer) -> None:
    database = newcomer.home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    word = newcomer.folder / "word"
    word.write_text("not ours\n")
    tool = newcomer.machine.find("certutil")
    assert tool is not None
    assert newcomer.machine.run([tool, "-N", "-d", f"sql:{database}", "-f", str(word)]).status == 0
    newcomer.trust.install(newcomer.authority)
    places = {place.presence for place in ChromiumStore(newcomer.machine).check(newcomer.authority)}
    assert places == {Presence.NEEDS_PASSWORD}
    with browser(newcomer.home) as opened:
        assert says(opened, newcomer.port) == REFUSED
