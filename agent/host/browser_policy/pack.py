"""The files with which an administrator lets sites reach the agent, for each way to give them out.

What a policy names is the page that asks, never this computer: a list of pop-ups with
``http://localhost`` in it opens nothing, and Firefox takes ``localhost`` among its domains for
leave to every page of the web. Both were tried (see ``tests/browser/test_policy_pack.py``).

Chromium and its relatives know two generations of the policy: from 146 on
``LoopbackNetworkAllowedForUrls``, before that ``LocalNetworkAccessAllowedForUrls``.
"""

import codecs
import csv
import io
import plistlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid5

from agent.host.browser_policy.firefox_merge import as_json, firefox_policies
from agent.host.browser_policy.spelling import in_chromium
from agent.origin import OriginPattern

LOOPBACK: Final = "LoopbackNetworkAllowedForUrls"
"""Who may reach this computer, from Chromium 146 on."""
LOCAL_NETWORK: Final = "LocalNetworkAccessAllowedForUrls"
"""The same in older ones; in newer ones too, for the local network as well."""
POPUPS: Final = "PopupsAllowedForUrls"
"""Whose pages may open windows without a click."""
_NUMBERS: Final = 61161001
"""Names of our values in the registry: numbers, as browsers want them, that nobody else gives."""
_NAMESPACE: Final = UUID("6f1c2b7e-5a0d-4c8e-9b57-6116128443aa")
_KEYS: Final = {
    "chrome": r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Google\Chrome",
    "edge": r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Edge",
}
_PAYLOADS: Final = {
    "chrome": ("com.google.Chrome", "Google Chrome"),
    "edge": ("com.microsoft.Edge", "Microsoft Edge"),
    "firefox": ("org.mozilla.firefox", "Mozilla Firefox"),
}
_FORMULA: Final = tuple("=+-@|%\t\r\n")


def browser_pack(sites: Sequence[OriginPattern], given: bytes | None = None) -> dict[str, bytes]:
    """Return the content of each file, by its path in the pack; the same for the same sites.

    Args:
        sites: of :func:`agent.host.browser_policy.site_list.read_sites`.
        given: a ``policies.json`` of Firefox that ours are added to.

    Raises:
        UnfitPolicyError: ``given`` is no such file.
        OSError: the list of public suffixes is missing: the installation is broken.

    """
    firefox = firefox_policies(sites, given)
    own = firefox_policies(sites)["policies"]
    chromium = chromium_policies(sites)
    pack = {"firefox/policies.json": as_json(firefox)}
    for name, key in _KEYS.items():
        pack[f"{name}.reg"] = _registry(key, chromium)
        pack[f"{name}-undo.reg"] = _registry(key, chromium, undo=True)
        pack[f"{name}-linux.json"] = as_json(chromium)
    for name in _PAYLOADS:
        profile = {"EnterprisePoliciesEnabled": True, **own} if name == "firefox" else chromium
        pack[f"{name}.mobileconfig"] = _profile(name, profile)
    pack["intune.csv"] = _rows(chromium, own)
    return dict(sorted(pack.items()))


def chromium_policies(sites: Sequence[OriginPattern]) -> dict[str, list[str]]:
    """Return the policies of Chrome, Edge and Chromium."""
    patterns = list(dict.fromkeys(map(in_chromium, sites)))
    return {name: list(patterns) for name in (LOCAL_NETWORK, LOOPBACK, POPUPS)}


def _registry(key: str, policies: Mapping[str, Sequence[str]], *, undo: bool = False) -> bytes:
    """Return a file for ``reg import``: UTF-16, as Windows writes it itself."""
    lines = ["Windows Registry Editor Version 5.00"]
    for name, patterns in policies.items():
        lines += ["", rf"[{key}\{name}]"]
        for number, pattern in enumerate(patterns, _NUMBERS):
            lines.append(f'"{number}"=' + ("-" if undo else f'"{pattern}"'))
    text = "".join(f"{line}\r\n" for line in [*lines, ""])
    return codecs.BOM_UTF16_LE + text.encode("utf-16-le")


def _profile(name: str, policies: Mapping[str, Any]) -> bytes:
    """Return a configuration profile with one payload; the same identifiers at each time."""
    domain, title = _PAYLOADS[name]
    identifier = f"org.ankong.browsers.{name}"
    common = {"PayloadVersion": 1, "PayloadDisplayName": f"Ankong: {title}"}
    payload = {
        **common,
        **policies,
        "PayloadType": domain,
        "PayloadIdentifier": f"{identifier}.payload",
        "PayloadUUID": _uuid(f"{identifier}.payload"),
    }
    return plistlib.dumps(
        {
            **common,
            "PayloadType": "Configuration",
            "PayloadScope": "System",
            "PayloadIdentifier": identifier,
            "PayloadUUID": _uuid(identifier),
            "PayloadContent": [payload],
        }
    )


def _uuid(name: str) -> str:
    return str(uuid5(_NAMESPACE, name)).upper()


def _rows(chromium: Mapping[str, Sequence[str]], firefox: Mapping[str, Any]) -> bytes:
    """Return one row for each value, for the settings catalogue: UTF-8 with a byte order mark."""
    table = io.StringIO()
    writer = csv.writer(table, quoting=csv.QUOTE_ALL)
    writer.writerow(("browser", "policy", "value"))
    for name in _KEYS:
        for policy, patterns in chromium.items():
            writer.writerows(_cells(_PAYLOADS[name][1], policy, patterns))
    for policy, part in firefox.items():
        for field, values in part.items():
            writer.writerows(_cells(_PAYLOADS["firefox"][1], f"{policy}/{field}", values))
    return codecs.BOM_UTF8 + table.getvalue().encode()


def _cells(browser: str, policy: str, values: Iterable[str]) -> list[tuple[str, ...]]:
    return [tuple(map(safe_cell, (browser, policy, value))) for value in values]


def safe_cell(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula, whoever chose what is in it."""
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
