"""The panel's page inspector: what pages asked for, seen while they ask."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.panel.conftest import SHOP, PanelAgent
from tests.browser.panel.test_views import LINES_IN_BAR, keep_picture
from tests.browser.world import PIN, World

OTHER = "https://other.example"
Opened = Callable[[str], Page]
ANSWERS = {
    "on": True,
    "until": "2020-02-29T07:15:00+00:00",
    "dropped": 12,
    "missed": [
        {"at": "2020-02-29T07:00:00.000Z", "port": 17040, "outcome": "tls_untrusted", "times": 3}
    ],
    "calls": [
        {
            "at": "2020-02-29T07:00:01.000Z",
            "origin": f"https://{'long-' * 12}name.example:8443",
            "door": "jrsys",
            "transport": "socket",
            "port": 17040,
            "method": method,
            "shape": {
                "MethodSelect": method,
                "ComPKCS11Para": {
                    "P11DriverName": "HiCOSPKCS11.dll",
                    "PIN": "<pin>",
                    "DigestAlg": 7,
                },
                "Authenticode": "<text 38>",
            },
            "outcome": outcome,
            "asked": [],
            "ms": ms,
            "times": 2,
        }
        for method, outcome, ms in [
            ("RsaSignedDataP11", None, None),
            (None, 7, 0),
            ("IsGCACardPresent", "ok", 3),
        ]
    ],
}


def test_a_call_is_seen_while_pages_are_recorded(
    world: World, agent_here: PanelAgent, opened: Opened, tmp_path: Path
) -> None:
    agent_here.start(world.card("gen2"), consent="allow")
    page = opened("inspector")
    agent_here.sign("before.pdf")
    expect(page.locator("#standing")).to_have_text("現在沒有記錄。")
    page.get_by_role("button", name="記錄 15 分鐘").click()
    expect(page.locator("#recording")).to_be_visible()
    agent_here.sign("Secret contract.pdf")
    # Of one site alone a test can be made without choosing it.
    copy = page.get_by_role("button", name="複製為測試")
    expect(copy).to_be_visible()
    agent_here.sign(site=OTHER)
    expect(copy).to_be_hidden()
    rows = page.locator("#calls .list > li")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_have_attribute("data-origin", OTHER)
    for text in ("sign", "hash: SHA-256", "document_name: <text 19>", "pin: <pin>"):
        expect(rows.nth(1)).to_contain_text(text)
    page.locator("#of-site select").select_option(SHOP)
    expect(rows).to_have_count(1)
    with page.expect_download() as saved:
        page.get_by_role("button", name="匯出 NDJSON").click()
    file = tmp_path / "record"
    saved.value.save_as(file)
    first, *calls = [json.loads(each) for each in file.read_text("utf-8").splitlines()]
    assert first["schema"] == "ankong.record.v1"
    assert [each["origin"] for each in calls] == [SHOP]
    assert PIN not in file.read_text("utf-8")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copy.click()
    expect(page.get_by_role("button", name="已複製")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"SITE = {SHOP!r}" in copied
    assert "ankong_agent.replay(SITE, 'sign'" in copied
    assert PIN not in copied
    page.get_by_role("button", name="停止記錄").click()
    expect(page.locator("#recording")).to_be_hidden()
    page.get_by_role("button", name="清除").click()
    expect(rows).to_have_count(0)


def test_the_last_call_before_silence_is_pointed_at(
    agent_here: PanelAgent, opened: Opened, page: Page
) -> None:
    agent_here.start()
    page.route("**/api/record", lambda route: route.fulfill(json=ANSWERS))
    opened("inspector")
    expect(page.locator("#silence code").first).to_have_text("IsGCACardPresent")


@pytest.mark.parametrize(
    ("language", "scheme", "width"),
    [
        ("zh-TW", "light", 1200),
        ("en-GB", "dark", 1200),
        ("zh-TW", "dark", 390),
        ("en-GB", "light", 320),
    ],
)
def test_a_full_inspector_fits(
    agent_here: PanelAgent, browser: Browser, language: str, scheme: str, width: int
) -> None:
    agent_here.start()
    context = browser.new_context(
        locale=language,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 800},
    )
    page = context.new_page()
    page.route("**/api/record", lambda route: route.fulfill(json=ANSWERS))
    page.goto(agent_here.address("inspector"))
    page.locator("#silence").wait_for()
    page.evaluate("document.getElementById('recording').hidden = false")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(LINES_IN_BAR) == [1, 1]
    keep_picture(page, f"inspector-{language}-{scheme}-{width}")
    context.close()
