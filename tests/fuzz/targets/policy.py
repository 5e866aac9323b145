"""A policy and the settings: a TOML file, or a property list of macOS."""

import plistlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agent.host.settings import config, profile_policy
from agent.host.settings.config import ConfigError, Settings
from agent.host.settings.policy import Policy
from agent.origin import Origin
from agent.validator.config import ServiceConfigError, parse_config

REFUSALS = (ConfigError,)
WORDS = (
    b"allowed = [",
    b"other_sites = ",
    b'"forbid"',
    b"bplist00",
    b"<plist>",
    b"<dict>",
    b"<key>",
    b"[[",
    b"1979-05-27",
)
LONGEST = 70_000
PLACE = Path("policy")


def one(data: bytes) -> int:
    with suppress(ConfigError):
        config.understand(PLACE, config.parsed(PLACE, data), Settings)
    with suppress(ServiceConfigError):
        parse_config(data.decode("utf-8", "replace"), PLACE)
    policy = _policy(data)
    policy.decision(Origin("https", "portal.example"))
    assert policy.fingerprint
    policy.over(Settings())
    return len(policy.rules.allowed)


def _policy(data: bytes) -> Policy:
    with suppress(ConfigError):
        return Policy.understand(PLACE, config.parsed(PLACE, data))
    found = profile_policy.sorted_out(PLACE, profile_policy.parsed(PLACE, data))
    return Policy() if found is None else Policy.managed(found)


def seeds() -> Iterator[tuple[bytes, int]]:
    table = {"allowed": ["https://*.gov.tw"], "other_sites": "forbid"}
    yield b'allowed = ["https://*.gov.tw"]\nother_sites = "forbid"\n', 1
    yield plistlib.dumps(table), 1
    yield plistlib.dumps(table, fmt=plistlib.FMT_BINARY), 1
