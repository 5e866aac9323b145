"""Way 4 in the check of the demo: members apply online, a reviewer decides, each in a browser."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw

from agent.portal.demo.check import (
    STEP_TIMEOUT,
    CheckContext,
    DemoApplicant,
    become_ordinary,
    open_browser,
    pictured_failures,
)
from agent.portal.demo.children import DemoError
from agent.portal.demo.staffdoor import StaffCard, StaffDoor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload, Page, ViewportSize

_PHONE: Final["ViewportSize"] = {"width": 390, "height": 844}
_OFFICE: Final["ViewportSize"] = {"width": 1440, "height": 900}
_TABLE: Final = (54, 58, 66)
_PAPER: Final = (226, 232, 236)
_INK: Final = (38, 42, 48)


def check_online(
    context: CheckContext,
    door: StaffDoor,
    reviewer: StaffCard,
    applicants: Sequence[DemoApplicant],
) -> list[str]:
    """Let three members apply: one is approved, one refused, one is asked for more and approved.

    Args:
        context: portal and browser.
        door: to an agent with the reviewer's card.
        reviewer: who decides.
        applicants: three of them.

    Returns:
        the names of those who are gold members now.

    Raises:
        DemoError: a step failed; a screenshot of that moment is in the folder.

    """
    with open_browser(context) as browser, _pages(browser, len(applicants)) as (desk, *members):
        acts = [_Act(page, context, who) for page, who in zip(members, applicants, strict=True)]
        review = _Review(desk, context)
        pages = {"desk": desk, **{f"member-{n}": page for n, page in enumerate(members)}}
        with pictured_failures(context, 4, pages):
            for act in acts:
                act.apply()
            context.report("way 4: a reviewer logs in with a card")
            door.log_in(desk, context.url, reviewer.pin)
            _review_all(review, acts, context)
    return [acts[0].name, acts[2].name]


def _review_all(review: "_Review", acts: Sequence["_Act"], context: CheckContext) -> None:
    approved, refused, asked = acts
    context.report("way 4: the reviewer approves, refuses, and asks for more")
    review.take_next(approved.number)
    review.approve()
    review.sees(refused.number)
    review.refuse()
    review.sees(asked.number)
    question = review.ask()
    approved.expect_gold()
    refused.expect_state("refused", "#reason[data-reason=not_legible]")
    asked.expect_state("needs_more", "#question")
    if asked.question() != question:
        raise DemoError("the member reads another question than the reviewer wrote")
    context.report("way 4: the member sends what is missing")
    asked.answer()
    review.take_next(asked.number)
    review.reads(asked.name)
    review.approve()
    asked.expect_gold()


class _Act:
    """One member in a browser of their own, on a telephone."""

    def __init__(self, page: "Page", context: CheckContext, who: DemoApplicant) -> None:
        self._page = page
        self._context = context
        self._who = who
        self.name = who.name
        self.number = ""

    def apply(self) -> None:
        """Register, and apply with both pictures."""
        page = self._page
        self._context.report(f"way 4: {self.name} applies online")
        become_ordinary(page, self._context.url)
        page.goto(f"{self._context.url}#/upgrade")
        page.click("#choose-online")
        self._picture("start")
        page.click("#begin")
        page.fill("#id_number", self._who.id_number)
        page.fill("#name", self.name)
        page.fill("#born", "79/1/31")
        page.check("[name=document][value=id_card]")
        self._picture("form")
        page.click("#next")
        for side in ("front", "back"):
            self._upload(side)
        self._picture("pictures")
        page.click("#next")
        page.check("#consent")
        self._picture("check")
        page.click("#send")
        page.wait_for_selector("#case[data-state=sent]")
        self.number = page.url.rpartition("/")[2]
        self._picture("sent")

    def answer(self) -> None:
        """Send the back again, with a message."""
        page = self._page
        page.click("#answer")
        self._upload("back")
        page.click("#next")
        page.fill("#message", self.name)
        page.check("#consent")
        page.click("#send")
        page.wait_for_selector("#case[data-state=sent]")

    def expect_state(self, state: str, part: str = "h1") -> None:
        """Wait until the page of the case tells of a state, and shows a part."""
        self._page.reload()
        self._page.wait_for_selector(f"#case[data-state={state}] {part}")
        self._picture(state)

    def question(self) -> str:
        """Return what the reviewer asks for, as the member reads it."""
        return self._page.inner_text("#question").strip()

    def expect_gold(self) -> None:
        """Wait until the case is approved and the member gold."""
        self.expect_state("approved")
        self._page.goto(f"{self._context.url}#/member")
        self._page.wait_for_selector("#portrait.gold .badge.gold")
        self._picture("gold")

    def _upload(self, side: str) -> None:
        page = self._page
        name, kind = f"{side}.jpg", "image/jpeg"
        photo: FilePayload = {"name": name, "mimeType": kind, "buffer": _photo(side)}
        page.set_input_files(f"#picture-{side}", photo)
        with page.expect_navigation():
            page.click(f"#upload-{side}")
        page.wait_for_selector(f".side.there:has(#picture-{side})")

    def _picture(self, name: str) -> None:
        path = self._context.shots / f"way4-{self._who.id_number[-3:]}-{name}.png"
        self._page.screenshot(path=path, full_page=True)


class _Review:
    """A reviewer at the desk, by keyboard alone."""

    def __init__(self, page: "Page", context: CheckContext) -> None:
        self._page = page
        self._context = context

    def take_next(self, number: str) -> None:
        self._page.goto(f"{self._context.url}staff/desk")
        self._picture("queue")
        self._press("n")
        self.sees(number)

    def sees(self, number: str) -> None:
        """Wait for the page of a case, with its picture."""
        self._page.locator(f".desk-case[data-number='{number}']").wait_for()
        self._page.wait_for_function(
            "() => document.querySelector('.desk-side img')?.naturalWidth > 0"
        )
        self._picture(f"case-{number}")

    def reads(self, answer: str) -> None:
        """Wait for the applicant's answer beside the question."""
        self._page.locator("#answer").filter(has_text=answer).wait_for()

    def approve(self) -> None:
        for point in self._page.locator(".desk-checks input").all():
            point.check()
        self._press("a")
        self._send("approve")

    def refuse(self) -> None:
        self._press("r")
        self._page.check("[name=reason][value=not_legible]")
        self._send("refuse")

    def ask(self) -> str:
        """Ask with the first of the desk's own phrases; return it."""
        self._press("m")
        self._page.locator("[data-phrase]").first.click()
        question = self._page.input_value("#ask-text").strip()
        self._send("ask")
        return question

    def _send(self, decision: str) -> None:
        with self._page.expect_navigation():
            self._page.click(f"[data-decision={decision}] [data-confirm]")

    def _press(self, key: str) -> None:
        self._page.keyboard.press(key)

    def _picture(self, name: str) -> None:
        self._page.screenshot(path=self._context.shots / f"way4-desk-{name}.png", full_page=True)


@contextmanager
def _pages(browser: "Browser", members: int) -> Iterator[list["Page"]]:
    """Open a page for the reviewer and one for each member, each with cookies of its own."""
    sizes = [_OFFICE, *[_PHONE] * members]
    contexts = [browser.new_context(locale="zh-TW", viewport=size) for size in sizes]
    for context in contexts:
        context.set_default_timeout(STEP_TIMEOUT * 1000)
    try:
        yield [context.new_page() for context in contexts]
    finally:
        for context in contexts:
            context.close()


def _photo(side: str) -> bytes:
    """Return a photo (JPEG) of a card on a table that is no document of anybody."""
    photo = Image.new("RGB", (1600, 1100), _TABLE)
    draw = ImageDraw.Draw(photo)
    draw.rounded_rectangle((160, 140, 1440, 960), 40, _PAPER)
    font_size = 64
    draw.text((240, 220), "SPECIMEN", _INK, font_size=font_size)
    draw.text((240, 340), f"NO DOCUMENT - {side}", _INK, font_size=font_size)
    for row in range(8):
        draw.line((240, 500 + 48 * row, 1360 - 90 * (row % 3), 500 + 48 * row), _INK, 6)
    out = io.BytesIO()
    photo.save(out, "JPEG", quality=90)
    return out.getvalue()
