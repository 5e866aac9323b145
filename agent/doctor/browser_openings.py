"""Browser policies that let every page of the web reach this computer, or that do nothing.

Tried with Chromium 156 and Firefox 153. Firefox asks its list of domains about the host that a page
wants to reach before it asks about the page's own: ``localhost`` in it is leave for everybody.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Final

from agent.doctor.report import Finding, fault, note
from agent.harmless import shortened
from agent.host.browser_policy.policy_places import OPT_OUT, BrowserPolicies

_OPENING: Final = (
    "LoopbackNetworkAllowedForUrls",
    "LocalNetworkAccessAllowedForUrls",
    "LocalNetworkAllowedForUrls",
)
_POPUPS: Final = "PopupsAllowedForUrls"
# A pattern of Chromium, or an origin: scheme, host, port and path, of which the host alone is kept.
_PATTERN: Final = re.compile(
    r"(?:[a-zA-Z*-]+://)?(?P<host>\[\*\.\][^/:]*|\[[0-9a-fA-F:.]*\]|[^/:]*)(?::[^/]*)?(?:/.*)?",
    re.DOTALL,
)
_EVERY_HOST: Final = frozenset({"*", "[*.]"})
_PREFERENCES: Final = {
    "network.lna.enabled": "Enabled",
    "network.lna.blocking": "EnablePrompting",
    "network.lna.skip-domains": "SkipDomains",
}
"""Preferences of Firefox that an administrator may set in place of the policy's fields."""
_SHOWN: Final = 80  # characters of a value that is quoted


def openings(found: BrowserPolicies) -> Iterator[Finding]:
    """Yield a fault for each policy that opens this computer to all, a note for one in vain."""
    policies = found.policies or {}
    wrong = _in_firefox(policies) if found.is_firefox else _in_chromium(policies)
    for policy, value in wrong:
        yield fault(
            "browser",
            "browser_opens",
            browser=found.browser,
            policy=policy,
            value=shortened(value, _SHOWN),
            path=found.place,
        )
    policy, pages = _popups(found, policies)
    for page in pages:
        if _is_here(_host(page)):
            yield note(
                "browser",
                "browser_popup_here",
                browser=found.browser,
                policy=policy,
                value=shortened(page, _SHOWN),
                path=found.place,
            )
            return


def _in_chromium(policies: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the policies that open this computer, each with the value that does."""
    for name in _OPENING:
        total = [each for each in _texts(policies.get(name)) if _host(each) in _EVERY_HOST]
        if total:
            yield name, total[0]
    if _is_switch(policies.get(OPT_OUT)) and policies[OPT_OUT]:
        yield OPT_OUT, "true"


def _in_firefox(policies: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the fields that open this computer, each with the value that does."""
    access = policies.get("LocalNetworkAccess")
    if isinstance(access, dict):
        for name in ("Enabled", "EnablePrompting"):
            # The second counts only beside the first.
            if "Enabled" in access and _is_off(access.get(name)):
                yield f"LocalNetworkAccess.{name}", "false"
        yield from _domains("LocalNetworkAccess.SkipDomains", _texts(access.get("SkipDomains")))
    preferences = policies.get("Preferences")
    if isinstance(preferences, dict):
        for name, field in _PREFERENCES.items():
            value = preferences.get(name)
            value = value.get("Value") if isinstance(value, dict) else value
            if field == "SkipDomains":
                yield from _domains(name, _texts([value]))
            elif _is_off(value):
                yield name, "false"


def _domains(name: str, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    # Firefox puts the list into one text, and takes that apart at the commas.
    for domain in map(str.strip, ",".join(texts).split(",")):
        if domain == "*" or _is_here(domain):
            yield name, domain
            return


def _popups(found: BrowserPolicies, policies: Mapping[str, Any]) -> tuple[str, list[str]]:
    if not found.is_firefox:
        return _POPUPS, _texts(policies.get(_POPUPS))
    blocking = policies.get("PopupBlocking")
    allowed = blocking.get("Allow") if isinstance(blocking, dict) else None
    return "PopupBlocking.Allow", _texts(allowed)


def _host(pattern: str) -> str:
    found = _PATTERN.fullmatch(pattern.strip())
    return "" if found is None else found["host"]


def _is_here(host: str) -> bool:
    """Return whether a host, or a pattern of hosts, means this computer."""
    bare = host.removeprefix("[*.]").removeprefix("*.").strip("[]")
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    if host.startswith("*.") and f".{bare}" in {".1", ".0.1", ".0.0.1"}:
        return True  # the end of 127.0.0.1
    try:
        address = ip_address(bare)
    except ValueError:
        return False
    inner = getattr(address, "ipv4_mapped", None) or address
    return bool(inner.is_loopback or inner.is_unspecified)


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _is_switch(value: Any) -> bool:
    """Return whether a value is true or false; in the registry these are 1 and 0."""
    return isinstance(value, bool | int)


def _is_off(value: Any) -> bool:
    return _is_switch(value) and not value
