"""More of what a test of a site can do; parts of it stand in the README."""


def click(context, site):
    page = context.new_page()
    page.goto(site)
    page.click("#sign")
    page.wait_for_function("document.querySelector('#told').textContent")
    return page.text_content("#told")


# region: cards
def test_an_expired_card_is_refused(site, ankong_agent, ankong_card, ankong_context):
    ankong_agent.insert(ankong_card(generation=1, validity="expired"))
    ankong_agent.answer("enter_pin", {"pin": "card"})
    assert click(ankong_context, site) == "certificate_expired"


def test_a_card_that_is_pulled(site, ankong_agent, ankong_reader, ankong_context):
    ankong_reader.change(remove_at=1)
    ankong_agent.answer("enter_pin", {"pin": "card"})
    assert click(ankong_context, site) == "card_removed"
    # endregion: cards


# region: windows
def test_a_citizen_who_says_no(site, ankong_agent, ankong_reader, ankong_context):
    ankong_agent.answer("allow_site", "cancel")
    assert click(ankong_context, site) == "user_cancelled"
    assert [each["kind"] for each in ankong_agent.questions] == ["allow_site"]
    # endregion: windows


def test_what_the_page_asked_for(site, ankong_agent, ankong_reader, ankong_context):
    ankong_agent.answer("enter_pin", "cancel")
    assert click(ankong_context, site) == "user_cancelled"
    origin = site.removesuffix("/page.html")
    asked = [each["method"] for each in ankong_agent.requests(origin)]
    assert asked[-1] == "sign"
    assert ankong_reader.card.verifies == 0


def test_the_server_trusts_the_issuer(ankong_issuer, ankong_card):
    before = ankong_issuer.lists
    ankong_card(validity="revoked")
    assert ankong_issuer.lists != before
    assert all(der.startswith(b"\x30\x82") for der in (ankong_issuer.root, *ankong_issuer.cas))
