"""The pages of an application online, as a browser without scripts uses them."""

import io
import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from PIL import Image
from sqlalchemy import select

from agent.portal.members import CardLogin
from agent.portal.online import reviewing
from agent.portal.online.numbers import new_case_number
from agent.portal.online.records import case_of_number
from agent.portal.online.states import CaseRules, RefusalReason, Side
from agent.portal.online.tables import PICTURE
from agent.portal.staff.register import Role, add_staff
from agent.portal.store.transaction import Transaction
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from tests.portal.staff_support import transact
from tests.portal.support import Person, Site, Visitor, running_site

FORM = {
    "id_number": generate_id_number(77),
    "name": "王測試",
    "born": "民國 79 年 1 月 31 日",
    "document": "id_card",
}


SEALED = select(PICTURE.c.sealed)


def picture(kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (900, 600), "white").save(out, kind)
    return out.getvalue()


def two_pages() -> bytes:
    out = io.BytesIO()
    first, second = (Image.new("RGB", (900, 600), each) for each in ("white", "grey"))
    first.save(out, "PDF", save_all=True, append_images=[second])
    return out.getvalue()


@dataclass
class Page:
    """An answer to a browser."""

    status: int
    path: str
    text: str

    @property
    def code(self) -> str | None:
        found = re.search(r'data-code="(\w+)"', self.text)
        return found[1] if found else None


async def show(visitor: Visitor, path: str) -> Page:
    headers = {"Accept": "text/html", "Accept-Language": "zh-TW"}
    async with visitor.http.get(path, headers=headers) as response:
        return Page(response.status, response.url.raw_path, await response.text())


async def post(visitor: Visitor, path: str, data: object = None) -> Page:
    headers = {"Accept": "text/html", "Origin": visitor.origin, "Accept-Language": "zh-TW"}
    sent = {"sent": "yes"} if data is None else data
    async with visitor.http.post(path, data=sent, headers=headers) as response:
        return Page(response.status, response.url.raw_path, await response.text())


async def upload(visitor: Visitor, side: str, content: bytes, name: str = "card.jpg") -> Page:
    form = aiohttp.FormData()
    form.add_field("picture", content, filename=name, content_type="image/jpeg")
    return await post(visitor, f"/ways/online/pictures/{side}", form)


async def sent(visitor: Visitor) -> str:
    """Apply; return the case number."""
    await post(visitor, "/ways/online/begin")
    await post(visitor, "/ways/online/form", FORM)
    for side in ("front", "back"):
        await upload(visitor, side, picture())
    page = await post(visitor, "/ways/online/check", {"consent": "yes"})
    return page.path.rpartition("/")[2]


async def test_an_application_is_made_without_a_script(visitor: Visitor) -> None:
    await visitor.register()
    assert "開始申請" in (await show(visitor, "/ways/online")).text
    page = await post(visitor, "/ways/online/begin")
    assert (page.status, page.path) == (200, "/ways/online/form")
    page = await post(visitor, "/ways/online/form", FORM)
    assert (page.status, page.path) == (200, "/ways/online/pictures")
    assert (await upload(visitor, "front", picture())).text.count("已上傳") == 1
    assert "還缺資料" in (await show(visitor, "/ways/online/check")).text
    assert (await upload(visitor, "back", picture("PNG"))).text.count("已上傳") == 2
    page = await show(visitor, "/ways/online/check")
    assert "1990-01-31" in page.text
    page = await post(visitor, "/ways/online/check", {"consent": "no"})
    assert (page.status, "請先勾選同意" in page.text) == (422, True)
    page = await post(visitor, "/ways/online/check", {"consent": "yes"})
    assert re.fullmatch(r"/ways/online/case/\w{3}-\w{3}-\w{3}", page.path)
    assert 'data-state="sent"' in page.text
    assert generate_id_number(77) not in page.text
    again = await post(visitor, "/ways/online/check", {"consent": "yes"})  # a double click
    assert again.path == page.path
    back = await post(visitor, "/ways/online/form", FORM)  # the back button
    assert (back.status, back.code) == (409, "case_changed")


async def test_two_pages_of_a_document_are_front_and_back(visitor: Visitor) -> None:
    await visitor.register()
    await post(visitor, "/ways/online/begin")
    page = await upload(visitor, "back", two_pages(), "card.pdf")
    assert (page.status, page.text.count("已上傳")) == (200, 2)


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("id_number", "A123456780", "身分證字號"),
        ("born", "1990-02-30", "沒有這個出生日期"),
        ("born", "2025-01-01", "未滿 7 歲"),
        ("name", "\u200b ", "請填寫姓名"),
        ("name", "王" * 65, "請填寫姓名"),
        ("document", "passport", "請選擇證件種類"),
    ],
)
async def test_what_is_wrong_is_said_beside_what_was_typed(
    visitor: Visitor, field: str, typed: str, words: str
) -> None:
    await visitor.register()
    await post(visitor, "/ways/online/begin")
    page = await post(visitor, "/ways/online/form", FORM | {field: typed})
    assert page.status == 422
    assert words in page.text
    assert FORM["name" if field != "name" else "id_number"] in page.text


async def test_what_was_typed_never_becomes_part_of_the_page(visitor: Visitor) -> None:
    await visitor.register()
    await post(visitor, "/ways/online/begin")
    page = await post(visitor, "/ways/online/form", FORM | {"born": '"><script>alert(1)</script>'})
    assert page.status == 422
    assert "<script>alert" not in page.text


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "picture_empty"), (b"no picture" * 99, "picture_kind_unknown")],
)
async def test_a_refused_picture_is_said_on_the_same_page(
    visitor: Visitor, content: bytes, code: str
) -> None:
    await visitor.register()
    await post(visitor, "/ways/online/begin")
    page = await upload(visitor, "front", content)
    assert (page.path, page.code) == ("/ways/online/pictures/front", code)
    assert page.status >= 400
    assert "已上傳" not in page.text


async def test_who_is_not_logged_in_comes_to_the_login(visitor: Visitor) -> None:
    paths = ("", "/form", "/pictures", "/check", f"/case/{new_case_number()}")
    for path in paths:
        headers = {"Accept": "text/html"}
        asked = visitor.http.get(f"/ways/online{path}", headers=headers, allow_redirects=False)
        async with asked as response:
            assert (response.status, response.headers["Location"]) == (303, "/#/login"), path


async def test_a_case_is_shown_to_its_member_only(site: Site, visitor: Visitor) -> None:
    await visitor.register()
    number = await sent(visitor)
    assert (await show(visitor, f"/ways/online/case/{number.lower()}")).status == 200
    other = await site.visitor()
    await other.register("0900000002")
    for guessed in (number, new_case_number(), "x", "..%2f..", "7K3-M92-QFX"):
        page = await show(other, f"/ways/online/case/{guessed}")
        assert (page.status, page.code) == (404, "case_unknown")


async def test_a_case_can_be_withdrawn_once_and_begun_anew(visitor: Visitor) -> None:
    await visitor.register()
    number = await sent(visitor)
    for _ in range(2):
        page = await post(visitor, "/ways/online/withdraw")
    assert (await show(visitor, f"/ways/online/case/{number}")).text.count('"withdrawn"') == 1
    page = await post(visitor, "/ways/online/begin")
    assert page.path == "/ways/online/form"
    page = await post(visitor, "/ways/online/withdraw")
    assert page.path == "/ways/online"
    assert number in page.text


async def test_a_gold_member_is_told_so(visitor: Visitor, citizen: Person) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    assert "金質會員" in (await show(visitor, "/ways/online")).text
    page = await post(visitor, "/ways/online/begin")
    assert (page.status, page.code) == (409, "already_gold")


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {}])
async def test_another_site_cannot_post(visitor: Visitor, headers: dict[str, str]) -> None:
    await visitor.register()
    async with visitor.http.post("/ways/online/begin", data={"a": "b"}, headers=headers) as answer:
        assert answer.status == 403


async def test_what_a_reviewer_needs_more_is_answered_with_pictures_and_a_message(
    site: Site, visitor: Visitor
) -> None:
    await visitor.register()
    number = await sent(visitor)
    page = await post(visitor, "/ways/online/check", {"consent": "yes", "message": "too early"})
    assert page.path.endswith(number)
    reviewer = await transact(site, partial(ask, number=number))
    page = await show(visitor, f"/ways/online/case/{number}")
    assert "請重拍<b>背面" not in page.text
    assert "請重拍&lt;b&gt;背面" in page.text
    assert "請重拍" in (await show(visitor, "/ways/online/pictures")).text
    assert (await upload(visitor, "back", picture("WEBP"))).text.count("已上傳") == 2
    for message in ("話" * 501, "\u202e"):
        answer = {"consent": "yes", "message": message}
        assert (await post(visitor, "/ways/online/check", answer)).status == 422
    answer = {"consent": "yes", "message": " 已重拍。 "}
    assert (await post(visitor, "/ways/online/check", answer)).path.endswith(number)
    await transact(site, partial(reviewing.claim, staff=reviewer, number=number))
    form = await transact(site, partial(reviewing.read_form, staff=reviewer, number=number))
    assert (form.message, form.name) == ("已重拍。", FORM["name"])
    case = await transact(site, partial(case_of_number, number=number))
    assert (case.question or "").startswith("請重拍")  # the desk shows it beside the answer


def ask(tx: Transaction, number: str) -> int:
    """Ask for more as a new reviewer; give the reviewer's number."""
    reviewer = add_staff(tx, "林測試", CardLogin("0" * 64, "1234"), [Role.REVIEWER]).id
    reviewing.claim(tx, reviewer, number)
    reviewing.ask_for_more(tx, reviewer, number, "請重拍<b>背面", CaseRules())
    return reviewer


async def test_a_script_learns_why_a_picture_was_refused(visitor: Visitor) -> None:
    await visitor.register()
    await post(visitor, "/ways/online/begin")
    form = aiohttp.FormData()
    form.add_field("picture", b"no picture" * 99, filename="card.jpg", content_type="image/jpeg")
    headers = {"Accept": "application/json", "Origin": visitor.origin}
    path = "/ways/online/pictures/front"
    async with visitor.http.post(path, data=form, headers=headers) as answer:
        assert (await answer.json())["error"]["code"] == "picture_kind_unknown"


@pytest.mark.sqlite
async def test_nothing_of_a_picture_is_left_after_the_decision(
    test_issuer: TestIssuer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")

    def found(*needles: bytes) -> list[bytes]:
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        everything = b"".join(path.read_bytes() for path in files) + caplog.text.encode()
        assert number.encode() in everything
        return [needle for needle in needles if needle in everything]

    async with running_site(test_issuer, tmp_path) as site:
        visitor = await site.visitor()
        await visitor.register()
        number = await sent(visitor)
        reviewer = await transact(site, partial(ask, number=number))
        assert (await upload(visitor, "front", noise())).status == 200
        await post(visitor, "/ways/online/check", {"consent": "yes"})
        await transact(site, partial(reviewing.claim, staff=reviewer, number=number))
        look = partial(reviewing.read_picture, staff=reviewer, number=number, side=Side.FRONT)
        kept = await transact(site, look)
        sealed = await transact(site, lambda tx: list(tx.execute(SEALED).scalars()))
        secrets = [kept[start : start + 32] for start in range(700, len(kept), 5000)]
        secrets.append(FORM["id_number"].encode())
        assert len(secrets) > 20
        secrets += [bytes(each)[700:732] for each in sealed]
        assert len(found(*secrets)) == len(sealed)
        reason = RefusalReason.NOT_LEGIBLE
        refuse = partial(reviewing.refuse, reason=reason, rules=CaseRules())
        await transact(site, partial(refuse, staff=reviewer, number=number))
        assert found(*secrets) == []  # while the portal still runs
    assert found(*secrets) == []


def noise() -> bytes:
    """Return a picture whose octets are found nowhere else."""
    out = io.BytesIO()
    Image.frombytes("RGB", (640, 400), os.urandom(640 * 400 * 3)).save(out, "PNG")
    return out.getvalue()
