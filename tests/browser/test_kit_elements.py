"""The page kit's elements in a real browser, under the policy that sites are told to send."""

import asyncio
import base64
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from agent.cms.login import challenge_text
from agent.kits.vectors import certificates
from agent.kits.vectors.__main__ import FOLDER
from agent.relying import FileSource, LoginVerifier, TrustStore, decode_token
from agent.words import Language, section
from tests.browser import axe_judge
from tests.browser.kit_site import SDK, KitSite, as_json, page_of, policy, serving
from tests.browser.world import PIN, WRONG_PIN, World

pytestmark = pytest.mark.browser

WITH_FAKE = """async (start) => {
    const { FakeAnkong } = await import("/sdk/fake.js");
    window.fake = new FakeAnkong(start);
    for (const each of document.querySelectorAll("ankong-status, ankong-button")) each.agent = fake;
}"""
SCRIPT = """
import "/sdk/element.js";
window.heard = [];
for (const name of ["ankong-done", "ankong-error"]) {
    document.addEventListener(name, ({ detail }) => heard.push([name, detail.code ?? detail]));
}
"""
BOTH = """<p><ankong-status download-url="/get"></ankong-status></p>
<p><ankong-button challenge-url="/login/challenge" submit-url="/login"></ankong-button></p>"""


class LoginSite(KitSite):
    """A site that checks logins as the portal does, with the authority of the vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.pages.update(page_of(BOTH, script=SCRIPT))
        self.posts = {"/login/challenge": self.challenge, "/login": self.login}
        self.open: dict[str, bytes] = {}

    def challenge(self, asked: Any) -> tuple[int, str, bytes]:
        assert asked == {}
        name, challenge = secrets.token_hex(4), secrets.token_bytes(48)
        self.open[name] = challenge
        text = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        return as_json({"challenge_id": name, "challenge": text})

    def login(self, asked: Any) -> tuple[int, str, bytes]:
        judge = LoginVerifier(
            origins=[self.origin],
            trust=TrustStore.load([FOLDER / "root.cer"], [FOLDER / "ca.cer"]),
            revocation=FileSource([FOLDER / "root.crl", FOLDER / "ca.crl"]),
            clock=lambda: certificates.AT,
        )
        challenge = self.open.pop(asked["challenge_id"])
        token = decode_token(asked["token"])
        login = asyncio.run(judge.verify(token, challenge=challenge))
        return as_json({"name": str(login.certificate.subject_cn)})


@pytest.fixture
def site() -> Iterator[LoginSite]:
    with serving(LoginSite()) as started:
        assert isinstance(started, LoginSite)
        yield started


def opened(page: Page, site: KitSite, path: str = "/", **start: Any) -> None:
    """Open a page of the site, with an agent of make-believe."""
    page.goto(f"{site.origin}{path}")
    page.wait_for_function("() => customElements.get('ankong-button')")
    page.evaluate(WITH_FAKE, start)


def test_the_plain_example_logs_somebody_in(page: Page, site: LoginSite) -> None:
    opened(page, site, "/plain.html")
    expect(page.locator("ankong-status")).to_have_attribute("state", "running")
    page.get_by_role("button", name="Log in with your citizen card").click()
    expect(page.locator("#welcome")).to_have_text("Welcome, 測試假人")
    expect(page.get_by_role("button", name="Log in with")).to_be_focused()
    assert [path for path, _ in site.asked] == ["/login/challenge", "/login"]
    assert not site.open


def with_agent(page: Page, site: KitSite, world: World, path: str = "/") -> None:
    """Open a page of the site, whose elements have the running agent and give it the PIN."""
    ports = world.programs.ports
    site.policy = f"{policy((ports.tls,), ports.ping)}; default-src 'self'"
    page.goto(f"{site.origin}{path}")
    page.evaluate(
        """async ([tls, ping, pin]) => {
            const { Ankong } = await import("/sdk/ankong.js");
            class WithPin extends Ankong {
                authenticate(request) { return super.authenticate({ pin, ...request }); }
            }
            window.real = new WithPin({ ports: [tls], pingPort: ping });
            for (const each of document.querySelectorAll("ankong-status, ankong-button")) {
                each.agent = real;
            }
        }""",
        [ports.tls, ports.ping, PIN],
    )


def test_the_plain_example_works_with_the_agent(page: Page, agent: World, site: LoginSite) -> None:
    agent.start_agent(agent.card())
    told: list[bytes] = []

    def login(asked: Any) -> tuple[int, str, bytes]:
        told.append(base64.b64decode(asked["token"]))
        return as_json({"name": "somebody"})

    site.posts["/login"] = login
    with_agent(page, site, agent, "/plain.html")
    expect(page.locator("ankong-status")).to_have_attribute("state", "running")
    page.get_by_role("button", name="Log in with your citizen card").click()
    expect(page.locator("#welcome")).to_have_text("Welcome, somebody")
    (challenge,) = site.open.values()
    statement = f'"origin":"{site.origin}","challenge":"{challenge_text(challenge)}"'
    assert statement.encode() in told[0]


def test_the_fake_does_for_a_page_what_the_agent_does(
    page: Page, agent: World, site: LoginSite
) -> None:
    card = agent.card("gen2")
    agent.start_agent(card)
    contract = (Path(__file__).parent / "contract.mjs").read_bytes()
    site.pages["/contract.mjs"] = ("text/javascript", contract)
    with_agent(page, site, agent)
    # Playwright marks what it is given, and a method of this class takes no mark.
    page.expose_function("pull", lambda: card.pull())  # noqa: PLW0108
    page.expose_function("insert", lambda: card.insert())  # noqa: PLW0108
    found = {}
    for name, start in (
        ("real", "window.real"),
        ("fake", "new FakeAnkong({ card: { pin } })"),
    ):
        found[name] = page.evaluate(
            f"""async ([pin, wrongPin]) => {{
                const {{ contract }} = await import("/contract.mjs");
                const {{ isProven }} = await import("/sdk/ankong.js");
                const {{ FakeAnkong }} = await import("/sdk/fake.js");
                const agent = {start};
                const hands = agent instanceof FakeAnkong
                    ? {{ insert: () => agent.insertCard({{ pin }}), pull: () => agent.pullCard() }}
                    : {{ insert: window.insert, pull: window.pull }};
                return contract({{ agent, pin, wrongPin, isProven, ...hands }});
            }}""",
            [PIN, WRONG_PIN],
        )
    for name, real in found["real"].items():
        assert found["fake"][name] == real, name
    assert not [each for each in found["real"].values() if str(each).startswith("failed")]


def click(page: Page) -> None:
    page.locator("ankong-button").get_by_role("button").click()


def heard(page: Page, count: int = 1) -> Any:
    """Return what the page heard of the elements, once it is so much."""
    page.wait_for_function("(count) => heard.length >= count", arg=count)
    return page.evaluate("() => heard")


FAILING = {
    "an error": lambda _: (500, "text/plain", b"sorry"),
    "an error in JSON": lambda _: as_json({"code": "challenge_expired"}, 400),
    "a page": lambda _: (200, "text/html", b"<h1>Log in</h1>"),
    "no object": lambda _: as_json(None),
    "another place": lambda _: (302, "", b"/elsewhere"),
    "nothing in time": lambda _: None,
}


@pytest.mark.parametrize("path", ["/login/challenge", "/login"])
def test_a_site_that_does_not_answer_as_it_should(page: Page, site: LoginSite, path: str) -> None:
    opened(page, site)
    page.evaluate("() => { document.querySelector('ankong-button').siteTimeout = 400; }")
    for count, answer in enumerate(FAILING.values(), 1):
        site.posts[path] = answer
        click(page)
        assert heard(page, count)[-1] == ["ankong-error", "site_failed"]
        said = page.locator("ankong-button").get_by_role("status")
        expect(said).to_have_text("Try again; if it stays so, tell the site's operator.")
        expect(page.locator("ankong-button").get_by_role("button")).to_be_focused()


def test_a_challenge_that_is_none_is_sent_to_nobody(page: Page, site: LoginSite) -> None:
    opened(page, site)
    answers = {"site_failed": {"challenge": 7}, "bad_request": {"challenge": "short"}}
    for count, (code, answer) in enumerate(answers.items(), 1):
        site.posts["/login/challenge"] = lambda _, answer=answer: as_json(answer)
        click(page)
        assert heard(page, count)[-1] == ["ankong-error", code]
    assert {path for path, _ in site.asked} == {"/login/challenge"}


@pytest.mark.parametrize("name", ["challenge-url", "submit-url"])
def test_no_other_site_is_told_of_a_login(page: Page, site: LoginSite, name: str) -> None:
    opened(page, site)
    bad = ["https://evil.example/", "//evil.example/x", "javascript:alert(1)", "data:,x", "http://"]
    for count, address in enumerate(bad, 1):
        page.locator("ankong-button").evaluate(
            "(each, [name, address]) => each.setAttribute(name, address)", [name, address]
        )
        click(page)
        assert heard(page, count)[-1] == ["ankong-error", "bad_request"]
    assert not [path for path, _ in site.asked if path == "/login"]
    assert "authenticate" not in page.evaluate("() => fake.calls.map(({ method }) => method)")


def test_a_double_click_is_one_request_and_two_buttons_are_two(page: Page, site: LoginSite) -> None:
    site.pages.update(page_of(BOTH + BOTH, script=SCRIPT))
    opened(page, site, latency=100)
    first, second = (page.locator("ankong-button").nth(number) for number in (0, 1))
    first.dblclick()
    expect(first.get_by_role("button")).to_have_attribute("aria-busy", "true")
    expect(first.get_by_role("button")).to_be_focused()
    second.click()
    assert [name for name, _ in heard(page, 2)] == ["ankong-done", "ankong-done"]
    assert [path for path, _ in site.asked].count("/login") == 2
    methods = page.evaluate("() => fake.calls.map(({ method }) => method)")
    assert (methods.count("connect"), methods.count("authenticate")) == (2, 2)
    expect(first.get_by_role("button")).to_have_attribute("aria-busy", "false")


def test_an_element_that_is_removed_gives_up_and_one_that_moves_does_not(
    page: Page, site: LoginSite
) -> None:
    opened(page, site, latency=300)
    click(page)
    page.wait_for_function("() => fake.calls.length > 0")
    page.evaluate(
        "() => document.querySelector('main').append(document.querySelector('ankong-button'))"
    )
    assert heard(page)[0][0] == "ankong-done"
    click(page)
    page.wait_for_function(
        "() => fake.calls.filter(({ method }) => method === 'authenticate').length > 1"
    )
    page.evaluate("() => document.querySelector('ankong-button').remove()")
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 400))")
    assert len(heard(page)) == 1
    assert [path for path, _ in site.asked].count("/login") == 1


def test_without_addresses_the_page_hands_over_and_hears(page: Page, site: LoginSite) -> None:
    """A property may be set before the element is known, as frameworks do."""
    script = """
    const button = document.querySelector("ankong-button");
    button.request = async () => ({ challenge: "A".repeat(43), challenge_id: 7 });
    document.addEventListener("ankong-done", (event) => event.preventDefault());
    await import("/sdk/element.js");
    window.heard = [];
    document.addEventListener("ankong-done", ({ detail }) => heard.push(detail));
    document.addEventListener("ankong-error", ({ detail }) => heard.push(detail.message));
    """
    site.pages.update(page_of("<ankong-button>Go</ankong-button>", script=script))
    opened(page, site)
    click(page)
    (detail,) = heard(page)
    assert sorted(detail) == ["algorithm", "challenge_id", "reader", "thumbprint", "token"]
    expect(page.locator("ankong-button").get_by_role("status")).to_have_text("")
    page.evaluate(
        "() => { document.querySelector('ankong-button').request = () => { throw Error('no'); }; }"
    )
    click(page)
    assert heard(page, 2)[1] == "request: Error: no"
    page.evaluate("() => { document.querySelector('ankong-button').request = null; }")
    click(page)
    assert "challenge-url" in heard(page, 3)[2]
    page.evaluate("() => { document.querySelector('ankong-button').disabled = true; }")
    expect(page.locator("ankong-button").get_by_role("button")).to_be_disabled()


def test_the_chip_says_what_is_known_and_keeps_the_focus(page: Page, site: LoginSite) -> None:
    opened(page, site, state="not_running", reason="not_installed", needsClick=True)
    status = page.locator("ankong-status")
    chip = status.locator("[part=chip]")
    expect(status).to_have_attribute("reason", "not_installed")
    expect(status.get_by_role("status")).to_have_text(
        "Component: not running Perhaps not installed"
    )
    expect(status.locator("[part=help]")).to_be_hidden()
    chip.press("Enter")
    expect(chip).to_have_attribute("aria-expanded", "true")
    expect(status.get_by_role("link")).to_have_attribute("href", "/get")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("() => fake.calls") == [{"method": "check", "params": {"ask": True}}]
    expect(status.get_by_role("button", name="Connect to the component")).to_be_focused()
    page.evaluate("() => fake.set({ state: 'running', reason: null, needsClick: false })")
    expect(chip).to_be_focused()
    expect(status).to_have_attribute("state", "running")
    assert status.get_attribute("reason") is None
    page.keyboard.press("Escape")
    expect(status.locator("[part=help]")).to_be_hidden()
    page.evaluate("() => { fake.set({ state: 'not_running', reason: 'of_tomorrow' }); }")
    expect(chip).to_contain_text("of_tomorrow")
    status.evaluate("(each) => each.setAttribute('download-url', 'javascript:alert(1)')")
    page.evaluate("() => { fake.set({ reason: 'too_old' }); }")
    chip.click()
    expect(status.get_by_role("link")).to_be_hidden()


def test_what_is_touched_is_large_enough(page: Page, site: LoginSite) -> None:
    opened(page, site, state="not_running", reason="not_installed")
    page.locator("[part=chip]").click()
    for each in (*page.get_by_role("button").all(), page.get_by_role("link")):
        box = each.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44


STATES: tuple[dict[str, Any], ...] = (
    {},
    {"state": "not_running", "reason": "not_installed"},
)


@pytest.mark.parametrize("language", Language)
def test_nothing_is_wrong_with_the_elements(
    page: Page, site: LoginSite, language: Language
) -> None:
    words = section(language, "kit")
    site.pages.update(page_of(BOTH, lang=str(language), script=SCRIPT))
    for start in STATES:
        opened(page, site, **start)
        expect(page.get_by_role("button", name=words["login"])).to_be_visible()
        page.locator("[part=chip]").click()
        click(page)
        heard(page)
        looks = [axe_judge.Look(390, "light"), axe_judge.Look(900, "dark")]
        found = list(axe_judge.faults(page, looks))
        assert not found, "\n".join(found)


def test_colours_that_the_person_chose_are_kept(page: Page, site: LoginSite) -> None:
    opened(page, site)
    page.emulate_media(forced_colors="active")
    dot, chip = (
        page.locator(f"[part={name}]").evaluate("(each) => getComputedStyle(each).backgroundColor")
        for name in ("dot", "chip")
    )
    assert dot != chip


def test_elements_are_registered_once_and_leave_a_server_alone(page: Page, site: LoginSite) -> None:
    opened(page, site)
    page.evaluate("async () => { await import('/sdk/element.js?again'); }")
    source = (SDK / "element.js").read_text("utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\.pin\b", source)
