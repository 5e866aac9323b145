"""The first page in real Firefox: it waits where our certificate is not trusted, else goes on."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.host.instance.panel_opening import first_address
from agent.host.machine.paths import Paths
from tests.browser.firefox.marionette import Firefox
from tests.browser.world import World

pytestmark = pytest.mark.browser
SHOWN = "return document.querySelector('main > section:not([hidden])')?.id"


@pytest.fixture
def paths(world: World, tmp_path: Path) -> Iterator[Paths]:
    """Start an agent with a folder of its own and the certificate that these browsers know."""
    state = tmp_path / "state"
    shutil.copytree(world.programs.state / "agent" / "tls", state / "tls")
    world.start_agent(state=state)
    yield Paths.choose(state)
    world.stop_agent()


def test_firefox_without_our_certificate_waits_and_shows_no_warning(
    firefox: Firefox, world: World, paths: Paths
) -> None:
    firefox.go(first_address(paths))
    firefox.wait_for(f"{SHOWN} === 'restart'")
    assert "Firefox" in firefox.run("return document.querySelector('#restart h1').textContent")
    firefox.wait_for("return performance.getEntriesByName(location.origin + '/v1/ping').length > 2")
    plain = f"http://127.0.0.1:{world.programs.ports.ping}"
    assert firefox.run("return location.href") == f"{plain}/first"


def test_firefox_that_trusts_us_goes_on_to_the_panel(
    knowing_firefox: Firefox, world: World, paths: Paths
) -> None:
    knowing_firefox.go(first_address(paths, "history"))
    knowing_firefox.wait_for("return document.querySelector('#view-history h1') !== null")
    panel = f"https://localhost:{world.programs.ports.tls}/panel/"
    assert knowing_firefox.run("return location.href") == f"{panel}#/history"
