"""Build the portal's application."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from agent.portal import api
from agent.portal.account import api as account_api
from agent.portal.account import pages as account_pages
from agent.portal.accounts import Accounts
from agent.portal.api import PORTAL, Portal, add_statics
from agent.portal.app_keys import DATABASE, METRICS, ORIGINS, PICTURES, READINESS
from agent.portal.cards import Cards
from agent.portal.config import PortalConfig
from agent.portal.counter import contact_pages
from agent.portal.counter import pages as counter
from agent.portal.desk import pages as desk
from agent.portal.downloads import find_artefacts
from agent.portal.guard import Guard, guarding, refusals, security_headers, staff_headers
from agent.portal.notices import mailbox
from agent.portal.notices.setup import choose_notifier, delivery_of, load_senders
from agent.portal.notifier import Notifier
from agent.portal.online import pages as online_pages
from agent.portal.operations import security_txt
from agent.portal.operations.health import Readiness, ReadyCheck, add_public_routes
from agent.portal.operations.metrics import PortalMetrics, counting_refusals, measuring
from agent.portal.operations.proxies import believing, parse_networks
from agent.portal.operations.purging import purge_for_ever
from agent.portal.operations.security_txt import SECURITY_TXT, SecurityTxt
from agent.portal.pages import choice, mac
from agent.portal.pages.templates import load_pages
from agent.portal.pictures.reencoder import Reencoder
from agent.portal.pictures.upload import UploadReader
from agent.portal.staff import audit_pages, pages, takeback_pages
from agent.portal.staff.access import NETWORKS, guarding_staff, is_staff_page
from agent.portal.staff.card_watch import watch_cards
from agent.portal.staff.logins import StaffLogins
from agent.portal.statics import load_statics
from agent.portal.store.database import PortalDatabase
from agent.portal.store.rates import SharedBuckets
from agent.portal.telecom import pages as telecom
from agent.portal.telecom import phone_pages
from agent.portal.telecom.operators import reaching
from agent.portal.trust import ConfiguredTrust, open_trust
from agent.portal.verification import CardVerifier
from agent.portal.wire import MAX_BODY
from agent.rate import Rate
from agent.relying.ics import NO_CREDENTIALS, IcsClient, IdentityCheck, load_credentials

_ROOMS: Final[Sequence[Callable[[web.UrlDispatcher], None]]] = (
    api.add_routes,
    choice.add_routes,
    mac.add_routes,
    mailbox.add_routes,
    account_api.add_routes,
    account_pages.add_routes,
    online_pages.add_routes,
    telecom.add_routes,
    phone_pages.add_routes,
    pages.add_routes,
    contact_pages.add_routes,
    counter.add_routes,
    takeback_pages.add_routes,
    audit_pages.add_routes,
    desk.add_routes,
    security_txt.add_routes,
)
_POSTS: Final = Rate(burst=120, per_second=4)
_CARD_ATTEMPTS: Final = Rate(burst=20, per_second=0.2)
_NEWCOMERS: Final = Rate(burst=200, per_second=2)


@dataclass(frozen=True, slots=True)
class Rates:
    """How often somebody may ask.

    Attributes:
        posts: POST requests of one network.
        card_attempts: challenges and signatures of one session.
        newcomers: the same of one network's visitors who have no session yet.

    """

    posts: Rate = _POSTS
    card_attempts: Rate = _CARD_ATTEMPTS
    newcomers: Rate = _NEWCOMERS


@dataclass(frozen=True, slots=True)
class Replacements:
    """Parts that a site may replace; None takes what the settings say.

    Attributes:
        notifier: sends one-time codes.
        verifier: verifies logins.
        identity: knows which certificate belongs to which ID number.
        clock: seconds since 1970, for everything that is stored or expires.
        rates: how often somebody may ask.

    """

    notifier: Notifier | None = None
    verifier: CardVerifier | None = None
    identity: IdentityCheck | None = None
    clock: Callable[[], float] = time.time
    rates: Rates = field(default_factory=Rates)


def create_app(
    config: PortalConfig, origins: Sequence[str], replacements: Replacements | None = None
) -> web.Application:
    """Build the application; files and the database are opened when it starts.

    Args:
        config: the operator's settings.
        origins: of this site; requests from others are refused.
        replacements: parts of the site's own.

    """
    parts = replacements or Replacements()
    guard = Guard(tuple(origins), parts.rates.posts)
    metrics = PortalMetrics()
    app = web.Application(
        middlewares=[
            measuring(metrics),
            believing(parse_networks(config.trusted_proxies)),
            refusals,
            counting_refusals(metrics),
            guarding(guard),
            guarding_staff,
        ],
        client_max_size=MAX_BODY,
    )
    app[ORIGINS] = tuple(origins)
    app[METRICS] = metrics
    app[NETWORKS] = parse_networks(config.staff_networks)
    headers = security_headers(config.agent_ports, config.agent_ping_port)
    for_staff = staff_headers(config.agent_ports, config.agent_ping_port)

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(for_staff if is_staff_page(request) else headers)

    async def run(app: web.Application) -> AsyncIterator[None]:
        async for _ in _run(app, config, parts):
            yield

    app.on_response_prepare.append(add_headers)
    app.cleanup_ctx.append(run)
    app.cleanup_ctx.append(reaching(config.operators, parts.clock))
    for add in _ROOMS:
        add(app.router)
    add_public_routes(app.router, lambda: app[READINESS])
    add_statics(app.router)
    return app


async def _run(
    app: web.Application, config: PortalConfig, parts: Replacements
) -> AsyncIterator[None]:
    """Open the portal's resources, and close them in reverse order."""
    statics = await asyncio.to_thread(load_statics)
    directory = Path(config.downloads) if config.downloads else None
    artefacts = await asyncio.to_thread(find_artefacts, directory)
    await asyncio.to_thread(load_pages)
    named = config.security_txt, app[ORIGINS], parts.clock
    app[SECURITY_TXT] = await asyncio.to_thread(SecurityTxt, *named)
    key_file = Path(config.key_file) if config.key_file else None
    db = PortalDatabase(config.db, parts.clock, key_file)
    await db.open()
    app[DATABASE] = db
    reencoder = Reencoder(config.pictures_at_once)
    app[PICTURES] = UploadReader(reencoder)
    try:
        async with _verification(app, config, parts) as verifier, aiohttp.ClientSession() as http:
            cards = Cards(
                db,
                verifier,
                parts.identity or await _identity(http, config),
            )
            senders = await load_senders(config, http)
            notifier = parts.notifier or choose_notifier(config, db, senders, parts.clock)
            delivery = delivery_of(config, db, senders, app[METRICS])
            delivery.start()
            app[PORTAL] = Portal(
                config=config,
                db=db,
                accounts=Accounts(db, notifier),
                cards=cards,
                staff=StaffLogins(db, verifier),
                card_attempts=SharedBuckets(db, "card-attempts", parts.rates.card_attempts),
                newcomers=SharedBuckets(db, "newcomers", parts.rates.newcomers),
                statics=statics,
                artefacts={artefact.name: artefact for artefact in artefacts},
            )
            works = (purge_for_ever(db), watch_cards(db, verifier))
            tasks = [asyncio.create_task(work) for work in works]
            yield
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await delivery.stop()
            await cards.close()
    finally:
        await reencoder.close()
        await db.close()


@asynccontextmanager
async def _verification(
    app: web.Application, config: PortalConfig, parts: Replacements
) -> AsyncIterator[CardVerifier]:
    """Give what verifies logins, and let the readiness look at what it needs."""
    checks: dict[str, ReadyCheck] = {"database": app[DATABASE].fault}
    if parts.verifier is not None:  # of a site's own, which has no lists
        app[READINESS] = Readiness(checks, app[METRICS])
        yield parts.verifier
        return
    files = config.anchors, config.intermediates, config.crl
    async with open_trust(*files, parts.clock, _lists_folder(config)) as trust:
        checks["revocation_lists"] = partial(_lists_fault, trust, app[METRICS])
        app[READINESS] = Readiness(checks, app[METRICS])
        origins = app[ORIGINS]
        yield await asyncio.to_thread(trust.verifier, origins)


async def _lists_fault(trust: ConfiguredTrust, metrics: PortalMetrics) -> str:
    health = await trust.list_health()
    metrics.show_lists(health.expires_seconds)
    return health.fault


def _lists_folder(config: PortalConfig) -> Path:
    """Return where fetched lists are kept: beside the key, where the database is no file."""
    return Path(f"{config.key_file if '://' in config.db else config.db}.lists")


async def _identity(http: aiohttp.ClientSession, config: PortalConfig) -> IdentityCheck:
    credentials = NO_CREDENTIALS
    if config.ics_certificate:
        files = (Path(config.ics_certificate), Path(config.ics_key))
        credentials = await asyncio.to_thread(load_credentials, *files)
    return IcsClient(http, config.ics_url, credentials)
