"""A configuration profile for macOS: ``Ankong.mobileconfig``, to be edited and sent by an MDM.

It lays one harmless rule down; all the others stand in comments, ready to be taken out of them.
"""

import plistlib
from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from agent.host.settings.managed_policy import PROFILE_DOMAIN
from agent.host.settings.policy_rules import RULES, PolicyRule
from agent.words import SOURCE, say
from agent.words.language import REVIEWED

HARMLESS = "minimum_version"
"""The rule that is laid down: no agent that reads profiles is older than its example."""
_IDENTIFIER = "org.ankong.policy"
_LAST = "\t\t</dict>\n\t</array>"
"""Where our payload ends."""


def profile() -> str:
    """Return the profile, XML."""
    product = say(SOURCE, "policy.product", {})
    payload = {
        **_head(f"{_IDENTIFIER}.agent", PROFILE_DOMAIN, product),
        **{rule.name: rule.example for rule in RULES if rule.name == HARMLESS},
    }
    whole = {
        **_head(_IDENTIFIER, "Configuration", product),
        "PayloadDescription": say(SOURCE, "policy.description", {}),
        "PayloadScope": "System",
        "PayloadContent": [payload],
    }
    text = plistlib.dumps(whole, sort_keys=False).decode()
    comments = "".join(_comment(rule) for rule in RULES if rule.name != HARMLESS)
    return text.replace(_LAST, comments + _LAST, 1)


def _head(identifier: str, kind: str, name: str) -> dict[str, Any]:
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": str(uuid5(NAMESPACE_DNS, identifier)).upper(),
        "PayloadDisplayName": name,
    }


def _comment(rule: PolicyRule) -> str:
    titles = " / ".join(say(each, rule.title, {}) for each in REVIEWED)
    lines = "".join(f"\t\t\t{line}\n" for line in _fragment(rule))
    return f"\t\t\t<!-- {titles}\n{lines}\t\t\t-->\n"


def _fragment(rule: PolicyRule) -> Iterator[str]:
    """Yield the lines of a key and its value."""
    lines = plistlib.dumps({rule.name: rule.example}).decode().splitlines()
    yield from (line.removeprefix("\t") for line in lines[4:-2])
