"""A page that means no good gets nothing."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from agent.origin import Origin
from agent.virtualcard.card import VirtualCard
from tests.browser.hipki.popups import press, say, until_closed
from tests.browser.hipki.site import Sites
from tests.web.hipki.rig import WRONG_PIN, Rig

CardFactory = Callable[..., VirtualCard]
pytestmark = pytest.mark.browser
PAGES = ("/popupForm", "/selfTest.htm", "/addDomain?domain=evil.test")


def hostile(page: Page, sites: Sites, rig: Rig, **query: object) -> None:
    page.goto(sites.url("hostile.html", "evil", port=rig.port, **query))


def test_nothing_of_ours_can_be_framed(make_card: CardFactory, page: Page, sites: Sites) -> None:
    with Rig(make_card()) as rig:
        hostile(page, sites, rig)
        for path in PAGES:
            assert page.evaluate("path => frame(path)", path) == []
        assert all("token" not in frame.content() for frame in page.frames[1:])


def test_our_pages_cannot_be_read(make_card: CardFactory, page: Page, sites: Sites) -> None:
    with Rig(make_card()) as rig:
        hostile(page, sites, rig)
        for path in PAGES:
            script = "path => fetch(base + path).then(r => r.text(), e => e.name)"
            assert page.evaluate(script, path) == "TypeError"


def test_only_the_opener_is_listened_to(make_card: CardFactory, page: Page, sites: Sites) -> None:
    with Rig(make_card(), consent="ask") as rig:
        rig.allow(sites.origin("evil"))
        page.goto(sites.url("classic.html", "service", port=rig.port))
        popup = press(page, "certificate")
        popup.locator("#choices button").first.wait_for()
        popup.close()
        hostile(page, sites, rig)
        page.evaluate("() => { onready = () => {}; }")
        popup = press(page, "open")
        popup.wait_for_load_state()
        # A frame of the page, of another origin, has the popup's name but did not open it.
        script = """url => new Promise(resolve => {
            const frame = document.createElement('iframe');
            const post = 'parent.popups[0].postMessage(parent.message, "*")';
            frame.srcdoc = `<script>${post}</` + 'script>';
            frame.onload = () => setTimeout(() => resolve([...new Set(heard)]), 500);
            document.body.append(frame);
        })"""
        assert page.evaluate(script, "") == ['{"func":"getTbs"}']
        expect(popup.locator("#doing")).to_contain_text("等待網頁")
        page.evaluate("popups[0].postMessage(message, '*')")
        page.wait_for_function("answers().length === 1")


def test_a_message_that_comes_again_is_not_served(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    card = make_card()
    with Rig(card) as rig:
        fields = {"func": "MakeSignature", "tbs": "x", "pin": WRONG_PIN}
        hostile(page, sites, rig, message=json.dumps(fields))
        five_times = "for (let i = 0; i < 5; i++) popup.postMessage(message, '*');"
        page.evaluate(f"() => {{ onready = popup => {{ {five_times} }}; }}")
        press(page, "open")
        page.wait_for_function("answers().length === 1")
        page.wait_for_timeout(500)
        assert page.evaluate("answers().length") == 1
    assert card.data.attempts_left == 2


def test_a_page_that_did_not_hear_the_popup_is_called_again(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    with Rig(make_card()) as rig:
        hostile(page, sites, rig, message='{"func":"CheckEnvir"}')
        # As if the browser had lost the first message: it sometimes does.
        page.evaluate("() => { const hear = onready; onready = () => { onready = hear; }; }")
        press(page, "open")
        page.wait_for_function("answers().length === 1")
        assert page.evaluate("heard.length") >= 3


def test_a_page_that_replaces_the_asking_one_hears_nothing(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    card = make_card()
    with Rig(card, consent="ask") as rig:
        page.goto(sites.url("classic.html", port=rig.port))
        popup = press(page, "certificate")
        popup.locator("#choices button").first.wait_for()
        hostile(page, sites, rig)
        popup.click("[data-answer=once]")
        if not popup.is_closed():
            popup.wait_for_event("close")
        page.wait_for_timeout(300)
        assert page.evaluate("heard") == []
        assert rig.permissions.find(Origin.parse_any(sites.origin("evil"))) is None


def test_a_name_that_imitates_another_is_not_the_first_thing_to_be_read(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    with Rig(make_card(), consent="ask") as rig:
        page.goto(sites.url("hostile.html", "xn--pple-43d", port=rig.port))
        popup = press(page, "open")
        expect(popup.locator("#host")).to_have_text("xn--pple-43d.test")
        expect(popup.locator("#odd")).to_contain_text(
            "\u0430pple.test"
        )  # the first letter is Cyrillic


def test_a_host_is_read_as_its_domain_s(make_card: CardFactory, page: Page, sites: Sites) -> None:
    with Rig(make_card(), consent="ask") as rig:
        page.goto(sites.url("hostile.html", "www.gov.tw.evil", port=rig.port))
        popup = press(page, "open")
        expect(popup.locator("#host")).to_have_text("www.gov.tw.evil.test")
        expect(popup.locator("#host .domain")).to_have_text("evil.test")
        expect(popup.locator("#owner")).to_contain_text("evil.test")


def test_a_flood_of_popups_leaves_others_alone(
    make_card: CardFactory, context: BrowserContext, page: Page, sites: Sites
) -> None:
    with Rig(make_card(), consent="ask") as rig:
        rig.allow(sites.origin("service"))
        for name in ("a.evil", "b.evil", "c.evil"):
            page = context.new_page()
            page.goto(sites.url("hostile.html", name, port=rig.port))
            for _ in range(3):
                page.evaluate("message = JSON.stringify({ func: 'CheckEnvir', n: Math.random() })")
                popup = press(page, "open")
                popup.locator("#choices button").first.wait_for()
        # Of nine, three still ask; a browser would have had no connection for another's popup.
        assert sum("popupForm" in each.url for each in context.pages) == 3
        other = context.new_page()
        other.goto(sites.url("classic.html", port=rig.port))
        press(other, "check")
        other.wait_for_function("outcomes.length === 1")
        assert other.evaluate("outcomes[0].ret_code") == 0


def test_a_popup_goes_with_its_page(
    make_card: CardFactory, context: BrowserContext, sites: Sites
) -> None:
    card = make_card()
    with Rig(card, consent="ask") as rig:
        fields = {"func": "MakeSignature", "tbs": "x", "pin": WRONG_PIN}
        page = context.new_page()
        hostile(page, sites, rig, message=json.dumps(fields))
        popup = press(page, "open")
        popup.locator("#choices button").first.wait_for()
        page.close()
        until_closed(popup)
    assert card.data.attempts_left == 3


def test_the_first_of_two_different_messages_counts(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    card = make_card()
    with Rig(card) as rig:
        hostile(page, sites, rig)
        fields = {"func": "MakeSignature", "tbsEncoding": "NONE", "pin": WRONG_PIN}
        messages = [json.dumps({**fields, "tbs": text}) for text in ("first", "second")]
        page.evaluate(
            """messages => { onready = (popup) => {
                popup.postMessage({ func: "MakeSignature" }, "*");
                for (const each of messages) popup.postMessage(each, "*");
            }; }""",
            messages,
        )
        until_closed(press(page, "open"))
        page.wait_for_function("answers().length === 1")
    assert card.data.attempts_left == 2


def test_a_message_that_can_be_read_in_two_ways_is_asked_about_as_the_agent_reads_it(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    # JSON as it is for a script; too deep for the agent, which then takes it for an escaped one.
    deep = "[" * 3000 + "]" * 3000
    rest = '":%22x%22,%22func%22:%22MakeSignature%22,%22tbs%22:%22x%22,%22pin":"123456"'
    message = f'{{"func":"CheckEnvir","a":"%5C","," :{deep},{rest}}}'
    assert json.loads('{"a":"%5C","," :[],' + rest + "}")["a"] == "%5C"
    with Rig(make_card(), consent="ask") as rig:
        hostile(page, sites, rig)
        page.evaluate("text => { message = text; }", message)
        popup = press(page, "open")
        expect(popup.locator("#text")).to_contain_text("簽章。允許之後")
        say(popup, "once")
        page.wait_for_function("answers().length === 1")
        assert json.loads(page.evaluate("answers()[0]"))["func"] == "sign"


SANDBOX = "allow-scripts allow-popups allow-popups-to-escape-sandbox allow-forms"


@pytest.mark.parametrize("is_sandboxed", [True, False])
def test_a_frame_in_a_page_asks_as_itself(
    make_card: CardFactory, page: Page, sites: Sites, is_sandboxed: bool
) -> None:
    card = make_card()
    with Rig(card, consent="ask") as rig:
        rig.allow(sites.origin("service"))
        page.goto(sites.url("classic.html", "service", port=rig.port))
        message = json.dumps({"func": "MakeSignature", "tbs": "x", "pin": WRONG_PIN})
        url = sites.url("hostile.html", "evil", port=rig.port, message=message)
        page.evaluate(
            """([url, sandbox]) => {
                const frame = document.createElement("iframe");
                if (sandbox) frame.sandbox = sandbox;
                frame.src = url;
                document.body.append(frame);
            }""",
            [url, SANDBOX if is_sandboxed else ""],
        )
        frame = page.frame_locator("iframe")
        with page.expect_popup() as opened:
            frame.locator("#open").click()
        popup = opened.value
        if not is_sandboxed:
            expect(popup.locator("#host")).to_have_text("evil.test")
            say(popup, "never")
        until_closed(popup)
        inner = page.frames[1]
        inner.wait_for_function("answers().length === 1")
        assert json.loads(inner.evaluate("answers()[0]"))["ret_code"] == 0x76000031
    assert card.data.attempts_left == 3


@pytest.mark.parametrize(
    "message",
    [
        '{"func":"__proto__"}',
        '{"func":"constructor","__proto__":{"func":"MakeSignature"}}',
        '{"func":"toString"}',
        '{"func":"hasOwnProperty","tbs":"x","pin":"654321"}',
        "[]",
        "null",
        "no JSON",
        '{"func":{"a":1}}',
        '{"func":"<img src=x onerror=alert(1)>"}',
    ],
)
def test_odd_messages_get_a_number(
    make_card: CardFactory, page: Page, sites: Sites, message: str
) -> None:
    card = make_card()
    with Rig(card) as rig:
        hostile(page, sites, rig)
        page.evaluate("text => { message = text; }", message)
        press(page, "open")
        page.wait_for_function("answers().length === 1")
        reply = json.loads(page.evaluate("answers()[0]"))
    assert reply["ret_code"] in (0x7600000E, 0x7600000B)
    assert "<" not in reply["func"]
    assert card.data.attempts_left == 3


def test_a_hundred_megabytes_end_in_a_number(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    with Rig(make_card()) as rig:
        hostile(page, sites, rig)
        page.evaluate("message = JSON.stringify({ func: 'MakeSignature', tbs: 'x'.repeat(1e8) })")
        press(page, "open")
        page.wait_for_function("answers().length === 1")
        assert json.loads(page.evaluate("answers()[0]"))["ret_code"] == 0x7600000A


def test_the_popup_without_an_opener_says_so(
    make_card: CardFactory, context: BrowserContext
) -> None:
    with Rig(make_card()) as rig:
        alone = context.new_page()
        alone.goto(f"{rig.own}/popupForm")
        expect(alone.locator("#doing")).to_have_text("這個視窗要由網頁開啟。")
