"""The answer to a form in another language: it says the same, does nothing, is nobody else's."""

import re
from html import unescape

import pytest

from agent.portal.staff.register import Role
from agent.words import Language, load
from tests.portal.staff_support import events, staff_browser
from tests.portal.support import Person, Site, Visitor

HTML = {"Accept": "text/html"}
FORM = re.compile(r'action="([^"]*/again/[^"]*)".*?name="kept" value="([^"]*)"', re.DOTALL)


def kept_in(page: str) -> tuple[str, str]:
    """Return where an answer can be had in another language, and by what."""
    found = FORM.search(page)
    assert found is not None
    return unescape(found[1]), unescape(found[2])


async def send(visitor: Visitor, path: str, **fields: str) -> tuple[int, str, str]:
    headers = {"Origin": visitor.origin, **HTML}
    async with visitor.http.post(
        path, data=fields, headers=headers, allow_redirects=False
    ) as response:
        return response.status, await response.text(), response.headers.get("Location", "")


async def wrong_contact(visitor: Visitor) -> tuple[str, str]:
    """Have a contact refused; return where and by what its answer is had again."""
    status, page, _ = await send(visitor, "/account/contacts/code", contact='0912"<b>')
    assert status == 400
    return kept_in(page)


async def test_it_says_the_same_in_every_language_with_what_was_typed(visitor: Visitor) -> None:
    await visitor.register()
    where, kept = await wrong_contact(visitor)
    assert where == "/again/account/contacts/code"
    for language in (*Language, Language.CHINESE):
        status, page, _ = await send(visitor, where, language=language, kept=kept)
        assert status == 200
        assert f'<html lang="{language}">' in page
        assert str(load(language)["portal.refusals.contact_invalid"]) in unescape(page)
        assert 'value="0912&#34;&lt;b&gt;"' in page
        assert kept_in(page) == (where, kept)  # and in the next one
        assert visitor.cookies()["language"] == language


async def test_nothing_is_done_once_more(visitor: Visitor) -> None:
    await visitor.register()
    _, page, _ = await send(visitor, "/account/contacts/code", contact="tester@example.test")
    where, kept = kept_in(page)
    (code,) = re.findall(r'class="demo-code"[^>]*>(\d{6})<', page)
    for language in ("en", "vi"):
        status, page, _ = await send(visitor, where, language=language, kept=kept)
        assert status == 200
        assert f">{code}<" in page
    async with visitor.http.get("/mailbox", headers=HTML) as response:
        mailbox = await response.text()
    assert mailbox.count('data-kind="code" data-contact="tester@example.test"') == 1


async def test_whoever_is_somebody_else_gets_none_of_it(site: Site, visitor: Visitor) -> None:
    await visitor.register()
    where, kept = await wrong_contact(visitor)
    other = await site.visitor()
    await other.register("0900000002")
    for somebody, sealed in (
        (other, kept),
        (await site.visitor(), kept),
        (visitor, kept[:-4] + "AAA="),
        (visitor, "ä"),
        (visitor, ""),
    ):
        told = await send(somebody, where, language="en", kept=sealed)
        assert told == (303, told[1], "/account/contacts/code")
    await visitor.post("/api/logout")
    assert (await send(visitor, where, language="en", kept=kept))[0] == 303


async def test_its_address_leads_to_the_page_and_nowhere_else(visitor: Visitor) -> None:
    for path, where in (
        ("/again/account/contacts", "/account/contacts"),
        ("/again//evil.test", "/"),
        ("/again/%5Cevil.test", "/"),
        ("/staff/again//evil.test", "/"),
    ):
        async with visitor.http.get(path, headers=HTML, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, where), path


async def test_a_refusal_of_any_form_is_kept(visitor: Visitor) -> None:
    """Such as that of an address that takes no forms."""
    status, page, _ = await send(visitor, "/nothing-here", language="en")
    assert status == 400
    where, kept = kept_in(page)
    _, page, _ = await send(visitor, where, language="vi", kept=kept)
    assert str(load(Language("vi"))["portal.refusals.bad_request"]) in unescape(page)


@pytest.mark.parametrize("is_logged_out", [False, True])
async def test_the_staffs_answers_need_the_staffs_session(
    site: Site, citizen: Person, is_logged_out: bool
) -> None:
    clerk = await staff_browser(site, citizen, Role.CLERK)
    status, page, _ = await send(clerk, "/staff/counter", contact="1")
    assert status == 400
    where, kept = kept_in(page)
    assert where == "/staff/again/staff/counter"
    before = await events(site)
    if is_logged_out:
        await send(clerk, "/staff/logout", why="out")
        status, _, location = await send(clerk, where, language="en", kept=kept)
        assert (status, location.partition("?")[0]) == (303, "/staff/login")
        return
    headers = {"Origin": clerk.origin, **HTML}
    form = {"language": "en", "kept": kept}
    async with clerk.http.post(where, data=form, headers=headers) as response:
        assert response.status == 200
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert str(load(Language.ENGLISH)["portal.refusals.contact_invalid"]) in unescape(
            await response.text()
        )
    assert await events(site) == before
