"""Browser policies that keep pages from this computer, or let all of them in.

The guard that they are about is Local Network Access (https://wicg.github.io/local-network-access).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from agent.doctor.browser_openings import openings
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, fault, note, ok
from agent.host.browser_policy.policy_places import BrowserPolicies, machine_policies

# The stronger name first: it wins where both are set.
_BLOCKING: Final = ("LoopbackNetworkBlockedForUrls", "LocalNetworkAccessBlockedForUrls")
_EVERYBODY: Final = frozenset({"*", "https://*", "https://*:*", "*://*"})


def check_browsers(installation: InstalledAgent) -> Iterator[Finding]:
    """Report policies that block requests to this computer, and those that let every page in."""
    yield from judge(machine_policies(installation.machine))


def judge(found: Iterable[BrowserPolicies]) -> Iterator[Finding]:
    """Report what is wrong with browsers' policies, from all places of a computer."""
    blocked = False
    for each in found:
        if each.policies is None:
            yield note("browser", "browser_policy_unreadable", browser=each.browser)
            continue
        finding = None if each.is_firefox else _blocking(each.browser, each.policies)
        if finding is not None:
            blocked = True
            yield finding
        yield from openings(each)
    if not blocked:
        yield ok("browser", "browser_ok")


def _blocking(browser: str, policies: Mapping[str, Any]) -> Finding | None:
    for policy in _BLOCKING:
        urls = policies.get(policy)
        if isinstance(urls, list) and urls:
            total = bool(_EVERYBODY & {url for url in urls if isinstance(url, str)})
            make = fault if total else note
            code = "browser_blocks" if total else "browser_blocks_some"
            return make("browser", code, browser=browser, policy=policy)
    return None
