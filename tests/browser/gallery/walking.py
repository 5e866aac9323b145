"""A walk through pages: it opens them one after the other, and each is judged where it stands."""

import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from playwright.sync_api import Browser, BrowserContext, Page

from agent.portal.app import create_app
from agent.portal.members import CardLogin
from agent.portal.staff import sessions
from agent.portal.staff.register import Role, add_staff
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from agent.portal.telecom.standin.site import create_operator
from agent.virtualcard import cardfile
from agent.virtualcard.identity import generate_id_number
from agent.words import Language
from tests.browser.axe_judge import Look, faults, show
from tests.browser.gallery.again import lost_by_another_language
from tests.browser.keyboard_judge import keyboard_faults
from tests.browser.sight_judge import sight_faults
from tests.browser.world import TIMEOUT, World
from tests.portal.support import site_config

SHOTS = os.environ.get("ANKONG_SHOTS")
DESK = Look(1280, "light")
SCREEN = "/#/"
OPERATOR = "operator"


def portal_app() -> web.Application:
    return create_app(site_config(Path("unused")), ["http://localhost"])


def operator_app() -> web.Application:
    return create_operator("http://localhost", 0, {})


def routes_of(app: web.Application, *methods: str) -> list[str]:
    """Return the paths of an application as they were added, the first first."""
    routes = [route for route in app.router.routes() if not methods or route.method in methods]
    return list(dict.fromkeys(str(route.resource and route.resource.canonical) for route in routes))


def route_of(app: web.Application, path: str) -> str:
    """Return the path, as it was added, that is meant by the path of an address."""
    if path in routes_of(app):
        return path
    for resource in app.router.resources():
        info = resource.get_info()
        pattern = info.get("pattern") or re.compile(re.escape(info.get("path", "")))
        if pattern.fullmatch(path):
            return resource.canonical
    raise AssertionError(path)


@dataclass
class GalleryVisit:
    """Somebody who walks through pages in one language.

    Attributes:
        world: the portal that is visited, and the agent.
        browser: in which everybody has a context of their own.
        language: that they have chosen.
        looks: in which the next pages are judged.
        pages: what is to be seen, each with its route.
        seen: what was.
        found: what was wrong.

    """

    world: World
    browser: Browser
    db: PortalDatabase
    language: Language
    looks: Iterator[Sequence[Look]]
    pages: Mapping[str, str]
    seen: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.world.url

    @contextmanager
    def somebody(self) -> Iterator[Page]:
        """Open a page in a browser of its own, in which no script may break."""
        context = self.browser.new_context(locale="zh-TW")
        if self.language is not Language.CHINESE:  # which a Chinese browser is spoken to anyway
            context.add_cookies(
                [{"name": "language", "value": str(self.language), "url": self.url}]
            )
        context.set_default_timeout(TIMEOUT)
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        try:
            show(page, DESK)
            yield page
        finally:
            context.close()
        assert not errors

    def see(self, page: Page, name: str) -> None:
        """Judge the page that is open now, which is the one of this name."""
        assert self._route(page) == self.pages[name], (name, page.url)
        self.seen.append(name)
        page.wait_for_load_state()
        looks = next(self.looks)
        self.found += [f"{name}: {each}" for each in faults(page, looks)]
        show(page, looks[0])
        wrong = keyboard_faults(page) + sight_faults(page)
        self.found += [f"{name}: {looks[0].width}: {each}" for each in wrong]
        if SHOTS:
            self._keep_pictures(page, name, looks)
        show(page, DESK)
        self.found += [f"{name}: {each}" for each in lost_by_another_language(page)]

    def _route(self, page: Page) -> str:
        address = urlsplit(page.url.replace("/again/", "/", 1).replace("/staff/staff/", "/staff/"))
        if address.netloc != urlsplit(self.url).netloc:
            return OPERATOR + route_of(operator_app(), address.path)
        if address.path == "/" and address.fragment:
            return f"/#{address.fragment}"
        return route_of(portal_app(), address.path)

    def _keep_pictures(self, page: Page, name: str, looks: Sequence[Look]) -> None:
        folder = Path(str(SHOTS))
        folder.mkdir(parents=True, exist_ok=True)
        for look in looks:
            show(page, look)
            file = re.sub(r"\W+", "-", f"{name}-{self.language}-{look.width}-{look.scheme}")
            page.screenshot(path=folder / f"{file}.png", full_page=True)

    def log_in(self, context: BrowserContext, *roles: Role) -> int:
        """Log somebody new of the staff in, as if the agent had; return their number."""
        certificates = cardfile.load(self.world.card().file).data.certificates
        (good,) = (each.der for each in certificates if each.id == b"SIGN")

        def work(tx: Transaction) -> tuple[int, str]:
            card = CardLogin(secrets.token_hex(32), "1234")
            staff = add_staff(tx, "林測試", card, roles)
            browser = sessions.open_session(tx).session
            return staff.id, sessions.log_in(tx, browser, staff, good).token

        number, token = self.db.run_here(work)
        context.add_cookies([{"name": "staff", "value": token, "url": f"{self.url}staff"}])
        return number


@dataclass(frozen=True)
class GalleryWalk:
    """A walk: what it shows, each with its route, and how it goes there."""

    pages: Mapping[str, str]
    go: Callable[[GalleryVisit], None]


def some_mobile() -> str:
    return f"09{secrets.randbelow(10**8):08}"


def some_id_number() -> str:
    return generate_id_number(secrets.randbelow(10**7))


def uncover(page: Page, selector: str) -> None:
    """Show what the page has hidden until something happens."""
    page.locator(selector).first.wait_for(state="attached")
    page.evaluate(
        "(parts) => { for (const each of document.querySelectorAll(parts)) each.hidden = false; }",
        selector,
    )
