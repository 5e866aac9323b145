"""How long a person waits for the panel, from the icon's click to its first full view."""

import statistics
import time
from pathlib import Path

from playwright.sync_api import Page

from agent.host.instance.panel_opening import first_address
from agent.host.machine.paths import Paths
from agent.portal.demo import browser as demo_browser
from tests.bench.daemon import BareServer, Daemon
from tests.bench.hipki import Row
from tests.browser.world import chromium

AIM_MS = 700.0
BARE_PAGE = "<!doctype html><title>bare</title><h1>bare</h1>"
PANEL_IS_FULL = "#picture .chain-part.good[data-part=card]"
"""The state view with all parts of its picture, the card's the last that it hears of."""


def panel_rows(folder: Path, card: Path, times: int) -> list[Row]:
    """Measure the panel and a bare page in turns, in one browser that trusts both.

    Args:
        folder: for a state folder and the browser's home.
        card: a card file, in the agent's reader.
        times: how often.

    """
    panel: list[float] = []
    bare: list[float] = []
    if demo_browser.find_chromium() is not None and demo_browser.can_make_home():
        panel, bare = _measure(folder, card, times)
    ratios = [mine / other for mine, other in zip(panel, bare, strict=True)]
    return [
        Row("bare HTTPS page in Chromium", _middle(bare, 1000), "ms"),
        Row("icon's click to the panel's full view", _middle(panel, 1000), "ms", AIM_MS),
        Row("panel's full view over bare page", _middle(ratios), "ratio"),
    ]


def _middle(found: list[float], factor: float = 1.0) -> float | None:
    return statistics.median(found) * factor if found else None


def _measure(folder: Path, card: Path, times: int) -> tuple[list[float], list[float]]:
    state, home = folder / "panel", folder / "browser"
    panel: list[float] = []
    bare: list[float] = []
    with Daemon(state, card, consent="ask") as _, BareServer(state / "tls", BARE_PAGE) as server:
        demo_browser.make_home(home, state / "tls" / "authority.pem")
        with chromium(home) as browser:
            for _ in range(times + 1):  # the first of each starts processes of the browser
                with browser.new_context(locale="zh-TW") as context:
                    address = f"https://localhost:{server.port}/page"
                    bare.append(_seen(context.new_page(), address, "h1"))
                    start = time.perf_counter()
                    address = first_address(Paths.choose(state))
                    made = time.perf_counter() - start
                    panel.append(made + _seen(context.new_page(), address, PANEL_IS_FULL))
    return panel[1:], bare[1:]


def _seen(page: Page, address: str, sight: str) -> float:
    """Open an address; return how many seconds it took until something on it was seen."""
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(sight).wait_for()
    return time.perf_counter() - start
