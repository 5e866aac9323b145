"""Step 4: the installers that were built, the visitor's own first, exactly as published."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.world import TIMEOUT, World, go, register

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("ANKONG_SHOTS")
FILES = (
    "ankong-setup-0.1.0-x64.exe",
    "ankong_0.1.0_amd64.deb",
    "ankong-0.1.0-1.x86_64.rpm",
    "ankong-0.1.0-x86_64.run",
)
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
MAC = WINDOWS.replace("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7")
LINUX = WINDOWS.replace("Windows NT 10.0; Win64; x64", "X11; Linux x86_64")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder as ``make installers`` leaves it."""
    folder = tmp_path_factory.mktemp("dist")
    lines = []
    for number, name in enumerate(FILES):
        content = (f"{name}\n" * (30_000 + 99 * number)).encode()
        (folder / name).write_bytes(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
    (folder / "SHA256SUMS").write_text("".join(lines))
    (folder / "artefacts.json").write_text("[]")
    return folder


@pytest.fixture(scope="module")
def site(world: World, dist: Path) -> str:
    """Start a portal that offers them."""
    return f"http://localhost:{world.programs.start_portal('shop', '--downloads', str(dist))}/"


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator["Visit"]:
    visit = Visit(browser, site)
    yield visit
    visit.close()


class Visit:
    """Somebody who comes to step 4 with a computer of some kind."""

    def __init__(self, browser: Browser, site: str) -> None:
        self._browser = browser
        self._site = site

    def open(self, agent: str, locale: str = "zh-TW", width: int = 1280) -> Page:
        self._context = self._browser.new_context(
            user_agent=agent,
            locale=locale,
            viewport={"width": width, "height": 900},
            permissions=["clipboard-read", "clipboard-write"],
        )
        self._context.set_default_timeout(TIMEOUT)
        page = self._context.new_page()
        # What the browser says besides is of the computer that runs this test.
        page.add_init_script("delete Navigator.prototype.userAgentData")
        register(page, self._site)
        go(page, "upgrade/component")
        page.locator(".download").first.wait_for()
        return page

    def close(self) -> None:
        self._context.close()


@pytest.mark.parametrize(
    ("agent", "first", "own"),
    [
        (WINDOWS, "Windows", ["exe"]),
        (LINUX, "Linux", ["deb", "rpm", "run"]),
        (MAC, "Mac", []),
    ],
)
def test_the_visitors_own_system_comes_first_and_the_others_below(
    visit: Visit, agent: str, first: str, own: list[str]
) -> None:
    page = visit.open(agent)
    expect(page.locator(".install h3").first).to_contain_text(f"{first}您的電腦")
    kinds = [each.get_attribute("data-kind") for each in page.locator(".download.own").all()]
    assert kinds == own
    shown = [each.get_attribute("data-kind") for each in page.locator(".download").all()]
    assert shown[: len(own)] == own
    assert sorted(map(str, shown)) == ["deb", "exe", "rpm", "run"]
    if not own:
        expect(page.get_by_text("這個示範網站沒有放 Mac 版的安裝檔。")).to_be_visible()
    if SHOTS is not None:
        page.screenshot(path=Path(SHOTS) / f"downloads-{first}.png", full_page=True)


@pytest.mark.parametrize("name", FILES)
def test_what_is_downloaded_is_what_was_published(visit: Visit, dist: Path, name: str) -> None:
    page = visit.open(LINUX)
    entry = page.locator(".download", has_text=name)
    digest = hashlib.sha256((dist / name).read_bytes()).hexdigest()
    if entry.locator("details[open]").count() == 0:
        entry.locator("summary").click()
    expect(entry.locator(".digest-value")).to_have_text(digest)
    with page.expect_download() as told:
        entry.get_by_role("link").click()
    download = told.value
    assert download.suggested_filename == name
    assert hashlib.sha256(Path(download.path()).read_bytes()).hexdigest() == digest
    entry.get_by_role("button", name="複製 SHA-256").click()
    assert page.evaluate("navigator.clipboard.readText()") == digest


@pytest.mark.parametrize(
    ("agent", "locale", "kind", "words"),
    [
        (
            WINDOWS,
            "zh-TW",
            "exe",
            ["Windows 已保護您的電腦", "其他資訊", f"certutil -hashfile {FILES[0]}"],
        ),
        (WINDOWS, "en-GB", "exe", ["Windows protected your PC", "Run anyway"]),
        (LINUX, "zh-TW", "deb", [f"sudo apt install ./{FILES[1]}", f"sha256sum {FILES[1]}"]),
        (LINUX, "en-GB", "rpm", [f"sudo dnf install ./{FILES[2]}"]),
        (LINUX, "en-GB", "run", [f"chmod +x {FILES[3]}", f"./{FILES[3]}", "pcscd"]),
    ],
)
def test_each_kind_says_how_it_is_installed(
    visit: Visit, agent: str, locale: str, kind: str, words: list[str]
) -> None:
    page = visit.open(agent, locale)
    entry = page.locator(f".download.own[data-kind={kind}] details[open]")
    for word in words:
        expect(entry).to_contain_text(word)
    assert "{" not in entry.inner_text()
    assert "`" not in entry.inner_text()


@pytest.mark.parametrize("agent", [WINDOWS, LINUX])
def test_nothing_is_wider_than_a_phone(visit: Visit, agent: str) -> None:
    page = visit.open(agent, width=360)
    page.evaluate("document.querySelectorAll('.download details').forEach((d) => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if SHOTS is not None:
        name = "windows" if agent == WINDOWS else "linux"
        page.screenshot(path=Path(SHOTS) / f"downloads-phone-{name}.png", full_page=True)
