"""What install and uninstall mean, as Chromium sees it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error

from agent.host.tls.authority import LocalAuthority
from agent.host.tls.machine import Machine
from agent.host.tls.store import AuthorityFile, Presence
from agent.host.tls.trust import Trust
from tests.browser.tls.conftest import Serve, new_home, save_authority
from tests.browser.world import chromium

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("needs_chromium")]


REFUSED = "net::ERR_CERT_AUTHORITY_INVALID"


def says(browser: Browser, port: int) -> str:
    """Open our page; give its title, or Chromium's name for what is wrong."""
    page = browser.new_page()
    try:
        page.goto(f"https://localhost:{port}/")
    except Error as error:
        return next(word for word in error.message.split() if word.startswith("net::"))
    return page.title()


def test_chromium_trusts_us_from_install_to_uninstall(serve: Serve, tmp_path: Path) -> None:
    authority = LocalAuthority(datetime.now(UTC))
    port = serve(authority.leaf(authority.certificate.not_valid_before_utc))
    file = AuthorityFile.load(save_authority(tmp_path, authority))
    home = new_home(tmp_path / "home")
    trust = Trust(tmp_path / "trust.json", Machine(home=home, platform="linux", environment={}))
    with chromium(home) as browser:
        assert says(browser, port) == REFUSED
    places = [place for place in trust.install(file) if place.store == "chromium"]
    assert [place.presence for place in places] == [Presence.TRUSTED]
    with chromium(home) as browser:
        assert says(browser, port) == "reached"
    assert trust.uninstall() == []
    with chromium(home) as browser:
        assert says(browser, port) == REFUSED
