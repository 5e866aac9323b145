"""What Firefox keeps of a PIN that was typed into our boxes, as citizens have it: nothing."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent.virtualcard.card import VirtualCard
from tests.browser.firefox.conftest import with_policy
from tests.browser.firefox.marionette import Firefox
from tests.browser.test_password_store import password_page
from tests.browser.world import PIN, WRONG_PIN, World
from tests.web.hipki.rig import Rig

CardFactory = Callable[..., VirtualCard]
pytestmark = [pytest.mark.browser, pytest.mark.slow]
DOT = "•"
REMEMBERED = "by the window"
# What the protocol's own defaults switch off.
AS_CITIZENS_HAVE_IT = {
    "signon__rememberSignons": True,
    "signon__autofillForms": True,
    "browser__formfill__enable": True,
}
REGISTER = """return (async (contact) => {
    const post = async (path, body) => (await fetch(`/api/${path}`, {
        method: "POST", headers: {"Content-Type": "application/json"},
        body: JSON.stringify(body)})).json();
    const {demo_code} = await post("otp", {contact});
    return (await post("otp/confirm", {contact, code: demo_code})).member !== undefined;
})(...arguments)"""
OFFERED = """
    const asked = PopupNotifications.getNotification("password", gBrowser.selectedBrowser);
    return asked !== null && asked !== undefined;
"""


def offers(firefox: Firefox) -> bool:
    """Return whether Firefox offers to save a password."""
    firefox.call("Marionette:SetContext", value="chrome")
    try:
        return bool(firefox.run(OFFERED))
    finally:
        firefox.call("Marionette:SetContext", value="content")


def type_pin(firefox: Firefox, pin: str, button: str) -> None:
    """Type into the box and press the button beside it."""
    firefox.wait_for("return document.querySelector('#pin')?.disabled === false")
    firefox.type("#pin", pin)
    box = "const pin = document.querySelector('#pin'); "
    assert firefox.run(box + "return pin.value") == DOT * len(pin)
    assert firefox.run(box + "return getComputedStyle(pin).webkitTextSecurity") == "disc"
    firefox.click(button)


def upgrade(firefox: Firefox, world: World, id_number: str) -> None:
    """Become a gold member in the portal, with a wrong PIN first."""
    firefox.go(world.url)
    assert firefox.run(REGISTER, "0912345678")
    firefox.run("location.hash = '/upgrade/component'; location.reload()")
    firefox.wait_for("return document.querySelector('#next')?.disabled === false")
    firefox.click("#next")
    firefox.wait_for("return document.querySelector('#id-number') !== null")
    firefox.type("#id-number", id_number)
    firefox.click("#next")
    type_pin(firefox, WRONG_PIN, "#submit-pin")
    firefox.wait_for("return document.querySelector('.card-message .notice.error') !== null")
    assert not offers(firefox)
    type_pin(firefox, PIN, "#submit-pin")
    firefox.wait_for("return document.querySelector('.success') !== null")
    assert not offers(firefox)


def sign_on_self_test(firefox: Firefox, rig: Rig) -> None:
    """Sign on the self-test page, with a wrong PIN first."""
    firefox.go(f"{rig.own}/selfTest.htm")
    for pin, outcome in ((WRONG_PIN, "warning"), (PIN, "ok")):
        type_pin(firefox, pin, "#sign")
        found = f"#check-signature.{outcome}"
        firefox.wait_for("return document.querySelector(arguments[0]) !== null", found)
        assert not offers(firefox)


def fill_in_a_form(firefox: Firefox, site: str) -> None:
    """Send an ordinary form, which Firefox remembers."""
    firefox.go(site)
    form = "<form><input name=seat id=seat><button id=go>go</button></form>"
    firefox.run("document.body.innerHTML = arguments[0]", form)
    firefox.type("#seat", REMEMBERED)
    firefox.click("#go")
    firefox.wait_for("return location.search.includes('seat')")


def kept(profile: Path) -> str:
    """Return what Firefox has written down of forms and passwords."""
    logins = profile / "logins.json"
    text = logins.read_text("utf-8") if logins.exists() else ""
    with closing(sqlite3.connect(profile / "formhistory.sqlite")) as opened:
        rows = opened.execute("SELECT fieldname, value FROM moz_formhistory").fetchall()
    return text + json.dumps(rows, ensure_ascii=False)


def test_firefox_keeps_nothing_of_a_pin(
    agent: World, tmp_path: Path, make_card: CardFactory
) -> None:
    card = agent.card()
    agent.start_agent(card)
    with Rig(make_card(pin=PIN)) as rig, password_page() as login:
        with with_policy(agent, tmp_path, **AS_CITIZENS_HAVE_IT) as firefox:
            upgrade(firefox, agent, card.id_number)
            sign_on_self_test(firefox, rig)
            fill_in_a_form(firefox, login)
            # The same browser does offer it where a password is typed; so it would have.
            firefox.go(login)
            firefox.type("#name", "0912345678")
            firefox.type("#pin", "hunter2hunter2")
            firefox.click("button")
            firefox.wait_for("return document.body.textContent.includes('welcome')")
            firefox.call("Marionette:SetContext", value="chrome")
            firefox.wait_for(OFFERED)
            firefox.quit()
        found = kept(tmp_path / "profile")
    assert REMEMBERED in found
    assert PIN not in found
    assert WRONG_PIN not in found
    assert DOT not in found
