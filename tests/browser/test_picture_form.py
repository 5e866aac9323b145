"""The form for a picture: its hints, its progress, and that it works without a script."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont
from playwright.sync_api import Browser, Page, Route, expect

from agent.portal.demo.children import Children
from agent.portal.pictures.limits import MAX_BYTES
from agent.words import Language, say
from tests.browser.world import TIMEOUT
from tests.portal import picture_files as files

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("ANKONG_SHOTS")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a site that has only that form."""
    with Children(tmp_path_factory.mktemp("logs")) as children:
        site = children.start_module("picture page", "tests.browser.picture_page")
        yield f"http://127.0.0.1:{site.wait_ready()['port']}/form"


def document(size: tuple[int, int] = (3000, 2000)) -> Image.Image:
    """Draw a card with some lines of text on a dark table, as a good photo shows it."""
    scale = size[0] / 3000
    picture = Image.new("RGB", (3000, 2000), (58, 50, 44))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((300, 200, 2700, 1800), 80, fill=(214, 222, 226))
    draw.rectangle((420, 420, 1020, 1220), fill=(150, 120, 110))
    font = ImageFont.load_default(90)
    for line in range(9):
        draw.text((1150, 380 + 140 * line), f"TEST CARD {line} A12345678{line}", "#202830", font)
    return picture if scale == 1 else picture.resize(size)


def with_glare(picture: Image.Image) -> Image.Image:
    spot = Image.new("L", picture.size, 0)
    ImageDraw.Draw(spot).ellipse((1500, 600, 2100, 1000), fill=255)
    lit = picture.copy()
    lit.paste("white", mask=spot.filter(ImageFilter.GaussianBlur(40)))
    return lit


def scan(size: tuple[int, int] = (1654, 2339)) -> Image.Image:
    """Draw a page with a table on white paper, as a scanner gives it."""
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    for row in range(10):
        draw.rectangle((150, 200 + 190 * row, 1500, 390 + 190 * row), outline="black", width=4)
        draw.text((200, 260 + 190 * row), f"TEST {row}", "black", ImageFont.load_default(50))
    return picture


LOOKS: dict[str, tuple[Callable[[], Image.Image], list[str]]] = {
    "good": (document, []),
    "a scan": (scan, []),
    "small": (lambda: document((800, 533)), ["small"]),
    "dark": (lambda: ImageEnhance.Brightness(document()).enhance(0.3), ["dark"]),
    "blurred": (lambda: document().filter(ImageFilter.GaussianBlur(16)), ["blurred"]),
    "shaken": (lambda: document().filter(ImageFilter.BoxBlur(22)), ["blurred"]),
    "glare": (lambda: with_glare(document()), ["glare"]),
    "on a white table": (
        lambda: Image.composite(
            document(), Image.new("RGB", (3000, 2000), "white"), mask_of_card()
        ),
        [],
    ),
    "everything": (
        lambda: ImageEnhance.Brightness(document((640, 427))).enhance(0.2),
        ["small", "dark"],
    ),
}


def mask_of_card() -> Image.Image:
    mask = Image.new("L", (3000, 2000), 0)
    ImageDraw.Draw(mask).rounded_rectangle((300, 200, 2700, 1800), 80, fill=255)
    return mask


def choose(page: Page, data: bytes, name: str = "front.jpg") -> None:
    page.locator("#picture").set_input_files(
        [{"name": name, "mimeType": "image/jpeg", "buffer": data}]
    )


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def opened(browser: Browser, url: str, **options: object) -> Page:
    page = browser.new_context(**{"locale": "zh-TW"} | options).new_page()  # type: ignore[arg-type]  # options of Playwright's
    page.set_default_timeout(TIMEOUT)
    page.goto(url)
    return page


def test_hints_say_what_is_wrong_with_a_picture(browser: Browser, url: str) -> None:
    page = opened(browser, url)
    for name, (make, expected) in LOOKS.items():
        choose(page, files.saved(make(), "JPEG", quality=90))
        expect(page.locator(".picture canvas")).to_be_visible()
        found = [item.get_attribute("data-hint") for item in page.locator("[data-hint]").all()]
        assert found == expected, name
        expect(page.locator(".picture li.good")).to_have_count(0 if expected else 1)
        expect(page.locator(".picture li.advice")).to_have_count(1 if expected else 0)
        shot(page, f"picture-{name}")
    page.context.close()


def test_hints_are_only_advice_and_the_picture_is_sent_once(browser: Browser, url: str) -> None:
    page = opened(browser, url)
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.method))
    choose(page, files.saved(LOOKS["everything"][0](), "JPEG"))
    expect(page.locator("[data-hint]")).to_have_count(2)
    page.locator("button.primary").dblclick(no_wait_after=True)
    page.wait_for_url("**/done/next-1")
    assert posts.count("POST") == 1
    page.go_back()
    expect(page.locator("button.primary")).to_be_enabled()
    expect(page.locator(".picture-progress")).to_be_hidden()
    page.context.close()


def test_a_file_that_is_refused_keeps_the_form_and_says_why(browser: Browser, url: str) -> None:
    page = opened(browser, url)
    error = page.locator("#picture-error")
    for data, code in (
        (b"no picture", "picture_kind_unknown"),
        (files.encrypted_pdf("secret"), "picture_encrypted"),
        (files.pdf(3), "picture_too_many_pages"),
        (files.jpeg()[:300], "picture_damaged"),
    ):
        choose(page, data)
        page.locator("button.primary").click()
        expect(error).to_have_text(say(Language.CHINESE, f"portal.refusals.{code}", {}))
        expect(page.locator("#picture")).to_be_focused()
        expect(page.locator("#picture")).to_have_attribute("aria-invalid", "true")
    shot(page, "picture-refused")
    choose(page, files.heic())
    expect(error).to_have_text("")
    page.locator("button.primary").click()
    page.wait_for_url("**/done/next-1")
    page.context.close()


def test_a_site_that_answers_with_a_page_has_it_shown(browser: Browser, url: str) -> None:
    page = opened(browser, f"{url}?page")
    for data, code in ((b"no", "picture_kind_unknown"), (files.pdf(3), "picture_too_many_pages")):
        choose(page, data)
        page.locator("button.primary").click()
        words = say(Language.CHINESE, f"portal.refusals.{code}", {})
        expect(page.locator("#picture-error")).to_have_text(words)
        expect(page.locator("#picture")).to_be_focused()
    choose(page, files.saved(LOOKS["everything"][0](), "JPEG"))
    expect(page.locator("[data-hint]")).to_have_count(2)
    page.locator("button.primary").click()
    page.wait_for_url("**/done/next-1")
    page.context.close()


def test_a_file_that_is_too_large_is_not_sent_at_all(
    browser: Browser, url: str, tmp_path: Path
) -> None:
    page = opened(browser, url)
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.method))
    assert page.locator("[data-picture]").get_attribute("data-most") == str(MAX_BYTES)
    large = tmp_path / "large.jpg"
    large.write_bytes(files.jpeg().ljust(MAX_BYTES + 1, b"\0"))
    page.locator("#picture").set_input_files(large)
    expected = say(Language.CHINESE, "portal.refusals.picture_too_large", {})
    expect(page.locator("#picture-error")).to_have_text(expected)
    page.locator("button.primary").click()
    assert "POST" not in posts
    page.context.close()


def test_progress_is_shown_and_a_connection_that_breaks_off_is_said(
    browser: Browser, url: str
) -> None:
    page = opened(browser, url)
    held: list[Route] = []
    page.route("**/form", lambda route: held.append(route))  # noqa: PLW0108  # Playwright marks its handlers, which a built-in method does not bear
    choose(page, files.saved(document(), "JPEG", quality=95))
    page.locator("button.primary").click()
    expect(page.locator(".picture-progress progress")).to_be_visible()
    expect(page.locator(".picture-progress p")).to_contain_text("%")
    expect(page.locator("button.primary")).to_be_disabled()
    shot(page, "picture-sending")
    while not held:
        page.wait_for_timeout(20)
    held[0].abort()
    words = say(Language.CHINESE, "picture.broken_off", {})
    expect(page.locator("#picture-error")).to_have_text(words)
    page.unroute("**/form")
    page.locator("button.primary").click()
    page.wait_for_url("**/done/next-1")
    page.context.close()


def test_the_form_works_without_a_script(browser: Browser, url: str) -> None:
    page = opened(browser, url, java_script_enabled=False)
    choose(page, b"no picture")
    page.locator("button.primary").click()
    words = say(Language.CHINESE, "portal.refusals.picture_kind_unknown", {})
    expect(page.locator("#picture-error")).to_have_text(words)
    choose(page, files.pdf(2))
    page.locator("button.primary").click()
    page.wait_for_url("**/done/next-2")
    page.context.close()


@pytest.mark.skipif(not SHOTS, reason="pictures are made when ANKONG_SHOTS says where")
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["zh-TW", "en"])
def test_pictures_of_the_form(
    browser: Browser, url: str, width: int, scheme: str, locale: str
) -> None:
    page = opened(
        browser,
        url,
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        locale=locale,
    )
    shot(page, f"form-{width}-{scheme}-{locale}-empty")
    choose(page, files.saved(with_glare(document((3000, 2000))), "JPEG"))
    expect(page.locator(".picture canvas")).to_be_visible()
    shot(page, f"form-{width}-{scheme}-{locale}")
    page.context.close()
