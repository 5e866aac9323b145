"""Check the local certificates, the clock, and the stores that must trust the certificates."""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from agent.doctor.effect import Effect, see_effects
from agent.doctor.files import OTHERS
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, Level, fault, note, ok
from agent.host.tls import identity
from agent.host.tls.identity import LocalCertificates
from agent.host.tls.manifest import Manifest, ManifestError
from agent.host.tls.places import SharedCertificates, Standing
from agent.host.tls.store import NAMES, OBSTACLES, AuthorityFile, Place, Presence, StoreError

SOON: Final = timedelta(days=60)  # before the last leaf expires
SHARED_SOON: Final = timedelta(days=120)  # an administrator has many computers to go to
_RENEWS: Final = "ankong setup machine"


def check_tls(installation: InstalledAgent) -> Iterator[Finding]:
    """Report whether there are server certificates for now and the near future."""
    choice = installation.tls
    yield from _check_shared(installation, choice.shared)
    if choice.shared.is_usable:
        return
    folder = installation.paths.tls
    if not os.path.lexists(folder):
        yield note("tls", "tls_absent", unsure=True)
        return
    try:
        ladder = identity.read(folder)
    except OSError as error:
        yield fault("tls", "tls_damaged", detail=str(error.strerror))
        return
    if ladder is None:
        yield fault("tls", "tls_damaged", "renew_tls", detail="no leaf")
        return
    yield _check_ladder(installation, ladder)
    yield _check_clock(installation, ladder)
    if os.name == "posix" and any(leaf.path.stat().st_mode & OTHERS for leaf in ladder.leaves):
        yield fault("tls", "tls_key_open", "close_state_dir")


def _check_shared(installation: InstalledAgent, shared: SharedCertificates) -> Iterator[Finding]:
    """Report whether the certificates for all users are served with, and if not, why."""
    detail = shared.detail
    if shared.standing is Standing.STRANGERS:
        path = str(shared.folder)
        yield note("tls", "tls_shared_strangers", path=path, detail=detail, command=_RENEWS)
    elif shared.certificates is not None and shared.standing is not Standing.INCOMPLETE:
        date = f"{shared.certificates.ends:%Y-%m-%d}"
        if installation.now >= shared.certificates.ends - SHARED_SOON:
            yield fault("tls", "tls_shared_ends_soon", date=date, command=_RENEWS)
        else:
            yield ok("tls", "tls_shared_ok", date=date)
        if shared.is_usable:
            yield _check_clock(installation, shared.certificates)
    elif shared.is_administrators:
        yield fault("tls", f"tls_shared_{shared.standing}", detail=detail, command=_RENEWS)


def _check_ladder(installation: InstalledAgent, ladder: LocalCertificates) -> Finding:
    date = f"{ladder.ends:%Y-%m-%d}"
    if installation.now >= ladder.ends:
        return fault("tls", "tls_expired", "renew_tls", date=date)
    if ladder.at(installation.now) is None and installation.now >= ladder.starts:
        return fault("tls", "tls_damaged", "renew_tls", detail="a leaf is missing")
    if installation.now >= ladder.ends - SOON:
        return fault("tls", "tls_ends_soon", "renew_tls", date=date)
    return ok("tls", "tls_ok", date=date)


def _check_clock(installation: InstalledAgent, ladder: LocalCertificates) -> Finding:
    if installation.now < ladder.starts:
        now, date = f"{installation.now:%Y-%m-%d %H:%M}", f"{ladder.starts:%Y-%m-%d %H:%M}"
        return fault("clock", "clock_behind", "renew_tls", now=now, date=date)
    return ok("clock", "clock_ok")


def check_trust(installation: InstalledAgent) -> Iterator[Finding]:
    """Report whether each trust store trusts the local authority."""
    yield from _check_manifest(installation)
    try:
        authority = AuthorityFile.load(installation.authority)
    except (StoreError, OSError):
        return  # check_tls reports it
    places = installation.trust.check(authority)
    if installation.trust_left:
        yield note("trust", "trust_organisations")
        places = [place for place in places if place.presence is Presence.TRUSTED]
    elif not any(installation.trust.is_needed(place) for place in places):
        yield note("trust", "trust_no_browser", unsure=True)
    effects = see_effects(installation, authority, places)
    told = set()
    for place in places:
        found = _judge(place, effects.get(place), needed=installation.trust.is_needed(place))
        if found.level is not Level.OK or place.store not in told:
            yield found  # what is well is said once for all profiles of a browser
        if found.level is Level.OK:
            told.add(place.store)


def _check_manifest(installation: InstalledAgent) -> Iterator[Finding]:
    try:
        Manifest(installation.paths.trust)
    except (ManifestError, OSError):
        file = installation.paths.trust.name
        yield fault("trust", "manifest_damaged", "set_manifest_aside", file=file)


def _judge(place: Place, effect: Effect | None, *, needed: bool) -> Finding:
    store = NAMES.get(place.store, place.store)
    if effect is not None and effect.works is not True:
        return _no_effect(store, place, effect)
    if place.presence is Presence.TRUSTED:
        return ok("trust", "trust_ok", store=store, path=place.path)
    if not needed or place.presence is Presence.NOT_YET:
        code = "trust_optional" if not needed else "trust_not_yet"
        return note("trust", code, store=store, path=place.path)
    if place.presence is Presence.NEEDS_TOOL:
        return fault("trust", "trust_needs_tool", store=store, tool=place.detail, path=place.path)
    if place.presence in {Presence.UNREADABLE, *OBSTACLES}:
        facts = {"store": store, "detail": place.detail, "path": place.path}
        return fault("trust", f"trust_{place.presence}", **facts)
    return fault("trust", "trust_missing", "install_trust", store=store, path=place.path)


def _no_effect(store: str, place: Place, effect: Effect) -> Finding:
    """Report of a place that lists the authority, and may not trust it all the same."""
    facts = {"store": store, "path": place.path, "detail": effect.detail}
    if effect.works is False:
        return fault("trust", "trust_no_effect", "renew_tls", **facts)
    if effect.tool and effect.tool != "security":
        return note("trust", "trust_not_proven", unsure=True, **facts, tool=effect.tool)
    return note("trust", "trust_not_seen", unsure=True, **facts)
