"""What the panel says of newer versions: that there is one, where, and that it is the citizen's."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from agent.host.machine.paths import Paths
from agent.host.update.manifest import read
from agent.host.update.memory import UpdateMemory
from tests.browser.panel.conftest import PanelAgent
from tests.unit.host.update_support import public, signed

SHOTS = os.environ.get("ANKONG_SHOTS")
Opened = Callable[[str], Page]
SOON = {"zh-Hant": "舊版本有安全漏洞，請盡快更新。", "en": "Older versions have a flaw."}


def heard(paths: Paths, **said: Any) -> None:
    """Let the next agent of that folder have heard this."""
    now = datetime.now(UTC)
    usual = {"issued": now - timedelta(hours=1), "expires": now + timedelta(days=9)}
    content = signed(**{**usual, **said})
    UpdateMemory(now, now, content, read(content, (public(),))).write(paths.update)
    paths.policy.write_text(
        f'update_url = "https://updates.example/m"\nupdate_keys = ["{public()}"]\n'
    )


def shoot(page: Page, name: str) -> None:
    if SHOTS is not None:
        page.screenshot(path=Path(SHOTS) / f"news-{name}.png", full_page=True)


@pytest.mark.parametrize("view", ["state", "about"])
def test_a_newer_version_is_there(agent_here: PanelAgent, opened: Opened, view: str) -> None:
    heard(agent_here.paths)
    agent_here.start()
    page = opened(view)
    told = page.locator(".notice.plain", has_text="有新版本 9.2.0")
    expect(told).to_contain_text("安控不會自己下載或安裝任何東西")
    link = told.get_by_role("link")
    assert link.get_attribute("href") == "https://ankong.example/download"
    assert link.get_attribute("rel") == "noopener noreferrer"
    shoot(page, f"{view}-newer")


@pytest.mark.parametrize("width", [375, 1280])
def test_a_version_that_is_too_old_is_told_with_the_reason(
    agent_here: PanelAgent, opened: Opened, width: int
) -> None:
    heard(agent_here.paths, floor="9.0.0", reason=SOON)
    agent_here.start()
    page = opened("state")
    page.set_viewport_size({"width": width, "height": 800})
    told = page.locator(".notice.bad", has_text="這個版本太舊")
    expect(told).to_contain_text("請更新到 9.2.0")
    expect(told).to_contain_text(SOON["zh-Hant"])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shoot(page, f"too-old-{width}")
    page.select_option("#speak", "en")
    expect(page.locator(".notice.bad", has_text="too old")).to_contain_text(SOON["en"])
    page.goto(f"{agent_here.origin}/panel/#/doctor")
    found = page.locator("[data-code=update_too_old][data-level=fault]")
    expect(found).to_contain_text(SOON["en"])
    shoot(page, f"doctor-{width}")


def test_the_citizen_stops_the_asking_and_starts_it_again(
    agent_here: PanelAgent, opened: Opened
) -> None:
    heard(agent_here.paths)
    agent_here.start()
    page = opened("state")
    box = page.get_by_label("每天詢問一次有沒有新版本")
    expect(box).to_be_checked()
    box.uncheck()
    expect(page.locator(".notice.plain", has_text="有新版本")).to_have_count(0)
    page.goto(f"{agent_here.origin}/panel/#/about")
    expect(page.locator("#update")).to_contain_text("依您的選擇")
    page.goto(f"{agent_here.origin}/panel/#/state")
    page.get_by_label("每天詢問一次有沒有新版本").check()
    expect(page.locator(".notice.plain", has_text="有新版本")).to_be_visible()


def test_where_nobody_is_asked_the_panel_says_so(agent_here: PanelAgent, opened: Opened) -> None:
    agent_here.start()
    page = opened("about")
    expect(page.locator("#update")).to_contain_text("沒有設定更新通知的網址")
    shoot(page, "about-none")
    page.goto(f"{agent_here.origin}/panel/#/state")
    page.locator("#settings").wait_for()
    expect(page.get_by_label("每天詢問一次有沒有新版本")).to_have_count(0)
