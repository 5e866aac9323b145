"""The page kit's elements on pages and sites that are odd, hasty or hostile."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.kit_site import KitSite, as_json, page_of, policy, serving
from tests.browser.test_kit_elements import BOTH, SCRIPT, LoginSite, click, heard, opened

pytestmark = pytest.mark.browser
SILENT_PORTS = """
globalThis.ANKONG_PORTS = { ports: [1], pingPort: 2 };  // no browser sends anything there
"""


@pytest.fixture
def site() -> Iterator[LoginSite]:
    with serving(LoginSite()) as started:
        assert isinstance(started, LoginSite)
        yield started


def test_no_name_in_an_answer_reaches_a_prototype(page: Page, site: LoginSite) -> None:
    opened(page, site)
    inherited = b'{"__proto__": {"challenge": "%s"}, "constructor": {"prototype": 1}}'
    site.posts["/login/challenge"] = lambda _: (200, "application/json", inherited % (b"A" * 43))
    click(page)
    assert heard(page) == [["ankong-error", "site_failed"]]
    answer = (
        b'{"challenge": "%s", "challenge_id": {"__proto__": {"a": 1}}, "__proto__": {"stained": 1},'
        b' "toString": 1, "hasOwnProperty": 1}'
    )
    site.posts["/login/challenge"] = lambda _: (200, "application/json", answer % (b"A" * 43))
    site.posts["/login"] = lambda _: (200, "application/json", b'{"__proto__": {"stained": 1}}')
    click(page)
    assert [name for name, _ in heard(page, 2)] == ["ankong-error", "ankong-done"]
    assert site.asked[-1][1]["challenge_id"] == {"__proto__": {"a": 1}}
    assert page.evaluate("() => [{}.stained, Object.prototype.stained]") == [None, None]


def test_a_large_number_of_a_challenge_comes_back_whole(page: Page, site: LoginSite) -> None:
    opened(page, site)
    large = "x" * 1_000_000
    challenge = {"challenge": "A" * 43, "challenge_id": large}
    site.posts["/login/challenge"] = lambda _: as_json(challenge)
    site.posts["/login"] = lambda asked: as_json({"same": asked["challenge_id"] == large})
    click(page)
    assert heard(page) == [["ankong-done", {"same": True}]]


@pytest.mark.parametrize("path", ["/login/challenge", "/login"])
def test_no_redirection_carries_a_login_elsewhere(page: Page, site: LoginSite, path: str) -> None:
    with serving(KitSite()) as other:
        other.posts["/taken"] = lambda _: as_json({"challenge": "A" * 43})
        opened(page, site)
        for count, status in enumerate((302, 307, 308), 1):
            answer = (status, "", f"{other.origin}/taken".encode())
            site.posts[path] = lambda _, answer=answer: answer
            click(page)
            assert heard(page, count)[-1] == ["ankong-error", "site_failed"]
        assert other.asked == []


@pytest.mark.parametrize("path", ["/login/challenge", "/login"])
def test_an_answer_that_never_ends_is_not_waited_for(
    page: Page, site: LoginSite, path: str
) -> None:
    opened(page, site)
    site.unfinished.add(path)
    page.evaluate(
        """() => {
            document.querySelector("ankong-button").siteTimeout = 300;
            document.addEventListener("ankong-error", ({ detail }) => heard.push(detail.message));
        }"""
    )
    click(page)
    name = {"/login/challenge": "challenge-url", "/login": "submit-url"}[path]
    assert heard(page, 2) == [["ankong-error", "site_failed"], f"{name}: too late"]
    site.unfinished.clear()
    click(page)
    assert heard(page, 3)[2][0] == "ankong-done"


def test_what_was_begun_is_what_is_done(page: Page, site: LoginSite) -> None:
    """A page that changes the button under the person's finger changes the next login."""
    opened(page, site, latency=100)
    click(page)
    page.wait_for_function("() => fake.calls.length > 0")
    page.evaluate(
        """async () => {
            const { FakeAnkong } = await import("/sdk/fake.js");
            window.other = new FakeAnkong();
            const button = document.querySelector("ankong-button");
            button.agent = other;
            button.setAttribute("purpose", "identify");
            button.setAttribute("submit-url", "/elsewhere");
            button.setAttribute("challenge-url", "/elsewhere");
            button.setAttribute("lang", "zh-Hant");
        }"""
    )
    assert heard(page)[0][0] == "ankong-done"
    assert [path for path, _ in site.asked] == ["/login/challenge", "/login"]
    asked = "each.calls.map(({ method, params }) => [method, params.purpose ?? null])"
    found = page.evaluate(f"() => [fake, other].map((each) => {asked})")
    assert found == [[["connect", None], ["authenticate", "login"]], []]
    expect(page.get_by_role("button", name="以憑證確認身分")).to_be_visible()


def test_a_button_that_left_and_came_back_can_be_pressed_again(page: Page, site: LoginSite) -> None:
    opened(page, site, latency=200)
    click(page)
    page.wait_for_function("() => fake.calls.length > 0")
    page.evaluate(
        """async () => {
            const button = document.querySelector("ankong-button");
            button.remove();
            await new Promise((resolve) => setTimeout(resolve));
            document.querySelector("main").append(button);
        }"""
    )
    button = page.locator("ankong-button").get_by_role("button")
    expect(button).to_have_attribute("aria-busy", "false")
    page.evaluate("() => { heard.length = 0; }")  # that it was given up may be heard, or not
    click(page)
    assert [name for name, _ in heard(page)] == ["ankong-done"]


def test_a_page_that_inserts_without_end_asks_no_more_often(page: Page, site: LoginSite) -> None:
    site.pages.update(page_of("", script='import "/sdk/element.js";'))
    site.policy = f"{policy((1,), 2)}; default-src 'self'; require-trusted-types-for 'script'"
    page.add_init_script(SILENT_PORTS)
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url))
    page.goto(site.origin)
    page.wait_for_function("() => customElements.get('ankong-button')")
    page.evaluate(
        """() => {
            const main = document.querySelector("main");
            const one = document.createElement("ankong-status");
            for (let count = 0; count < 1000; count += 1) {
                one.remove();
                main.append(one);
                if (count % 5 === 0) main.append(document.createElement("ankong-status"));
                if (count % 5 === 1) main.append(document.createElement("ankong-button"));
            }
        }"""
    )
    expect(page.locator("ankong-status[state=not_running]")).to_have_count(201)
    looks = [url for url in asked if not url.startswith(site.origin)]
    # The page is watched as by one element: a status, a beacon, who else is there; again in 0.75 s.
    assert len(looks) <= 12, looks
    assert len(page.evaluate("() => document.body.textContent.trim()")) < 100


def test_an_element_works_in_another_document(page: Page, site: LoginSite) -> None:
    site.pages["/inner"] = ("text/html", b"<!doctype html><title>Inner</title><body></body>")
    site.policy = site.policy.replace("frame-ancestors 'none'", "frame-src 'self'")
    opened(page, site)
    page.evaluate(
        """async () => {
            const frame = Object.assign(document.createElement("iframe"), { src: "/inner" });
            document.body.append(frame);
            await new Promise((resolve) => frame.addEventListener("load", resolve));
            const made = document.createElement("ankong-status");
            made.agent = fake;
            frame.contentDocument.body.append(made, document.querySelector("ankong-button"));
        }"""
    )
    inner = page.frame_locator("iframe")
    expect(inner.locator("ankong-status")).to_have_attribute("state", "running")
    inner.locator("ankong-button").get_by_role("button").click()
    expect(inner.locator("ankong-button").get_by_role("status")).to_have_text("Confirmed.")


def test_a_page_without_storage_and_without_webcrypto_is_told_as_much(
    page: Page, site: LoginSite
) -> None:
    site.policy = f"{policy((1,), 2)}; default-src 'self'"
    page.add_init_script(SILENT_PORTS)
    page.add_init_script(
        """Object.defineProperty(globalThis, "localStorage", { get: () => { throw Error("no"); } });
        Object.defineProperty(globalThis, "crypto", { value: undefined });"""
    )
    page.goto(site.origin)
    expect(page.locator("ankong-status")).to_have_attribute("reason", "not_installed")
    click(page)
    assert heard(page) == [["ankong-error", "not_running"]]


def test_the_keyboard_alone_logs_somebody_in(page: Page, site: LoginSite) -> None:
    opened(page, site)
    for key in ("Tab", "Enter", "Tab", "Space"):
        page.keyboard.press(key)
    expect(page.locator("ankong-status [part=help]")).to_be_visible()
    assert heard(page)[0][0] == "ankong-done"
    expect(page.locator("ankong-button").get_by_role("button")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Escape")
    expect(page.locator("ankong-status [part=help]")).to_be_hidden()
    expect(page.locator("ankong-status [part=chip]")).to_be_focused()


def accessible(page: Page) -> list[tuple[str, str]]:
    """Return role and name of all that Chromium shows to a screen reader, without its texts."""
    session = page.context.new_cdp_session(page)
    nodes: list[Any] = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    by_id = {node["nodeId"]: node for node in nodes}

    def walk(node: Any) -> Iterator[tuple[str, str]]:
        if not node["ignored"]:
            yield node["role"]["value"], node.get("name", {}).get("value", "")
        for child in node["childIds"]:
            yield from walk(by_id[child])

    told = list(walk(nodes[0]))
    dull = {"StaticText", "InlineTextBox", "generic", "none", "strong", "paragraph", "ListMarker"}
    return [(role, name) for role, name in told if role not in dull]


def test_a_screen_reader_is_told_what_is_there(page: Page, site: LoginSite) -> None:
    opened(page, site, state="not_running", reason="too_old")
    page.locator("[part=chip]").click()
    click(page)
    heard(page)
    assert accessible(page) == [
        ("RootWebArea", "A site"),
        ("main", ""),
        ("heading", "A site"),
        ("group", "State of the component"),
        ("button", "Component: not running Version too old"),
        ("list", ""),
        ("listitem", ""),
        ("button", "Check again now"),
        ("link", "Download the component"),
        ("status", ""),
        ("button", "Log in with your card"),
        ("status", ""),
        ("list", ""),
        ("listitem", ""),
    ]


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_nothing_is_cut_where_letters_are_large_and_the_window_small(
    page: Page, site: LoginSite, direction: str
) -> None:
    large = page_of(BOTH, script=SCRIPT)
    style = f":root {{ font-size: 200%; direction: {direction}; }}"
    site.pages.update({**large, "/page.css": ("text/css", style.encode())})
    page.set_viewport_size({"width": 320, "height": 640})
    opened(page, site, state="not_running", reason="certificate_not_trusted")
    page.locator("[part=chip]").click()
    click(page)
    heard(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 320
    cut = page.evaluate(
        """() => [...document.querySelectorAll("ankong-status, ankong-button")]
            .flatMap((each) => [...each.shadowRoot.querySelectorAll("button, p, li, strong")])
            .filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
            .map((each) => each.textContent)"""
    )
    assert cut == []


def test_a_full_stop_stays_at_the_end_on_a_page_that_is_read_from_the_right(
    page: Page, site: LoginSite
) -> None:
    site.pages["/page.css"] = ("text/css", b":root { direction: rtl; }")
    opened(page, site)
    page.locator("[part=chip]").click()
    first, last = page.locator("[part=help] p").evaluate(
        """(each) => {
            const text = each.firstChild;
            return [0, text.length - 1].map((at) => {
                const range = document.createRange();
                range.setStart(text, at);
                range.setEnd(text, at + 1);
                return range.getBoundingClientRect().left;
            });
        }"""
    )
    assert first < last


def test_what_is_not_offered_leaves_no_gap(page: Page, site: LoginSite) -> None:
    opened(page, site)
    page.locator("[part=chip]").click()
    expect(page.locator("[part=actions]")).to_be_hidden()
    page.evaluate("() => fake.set({ state: 'not_running', reason: 'not_started' })")
    expect(page.get_by_role("button", name="Check again now")).to_be_visible()


def test_what_turns_can_be_seen_in_the_persons_own_colours(page: Page, site: LoginSite) -> None:
    opened(page, site, latency=60_000, state="checking")
    page.emulate_media(forced_colors="active")
    click(page)
    mark = page.locator("ankong-button [part=mark]")
    sides = mark.evaluate("(each) => getComputedStyle(each).borderWidth")
    assert len(set(sides.split())) == 2
    dot = page.locator("[part=dot]").evaluate("(each) => getComputedStyle(each).borderTopWidth")
    assert dot == "2px"
