"""``ankong policy check``: whether a file makes a policy, before it is on 500 computers."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.commands.colour import Colour, coloured
from agent.commands.complaints import said
from agent.commands.output import log_aside, say, say_json
from agent.commands.parser import JsonOptions
from agent.commands.tongue import tell
from agent.files import read_file
from agent.harmless import printable
from agent.host.settings import config
from agent.host.settings.broad_patterns import broad_patterns
from agent.host.settings.config import ConfigError
from agent.host.settings.managed_policy import PROFILE_DOMAIN
from agent.host.settings.policy import Policy, system_path
from agent.host.settings.policy_file import put_policy_file

_PROPERTY_LISTS: Final = (".plist", ".mobileconfig")


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckOptions(JsonOptions):
    """The options of ``policy check``.

    Attributes:
        file: TOML, a property list (``.plist``) or a profile (``.mobileconfig``).
        put: whether it is put in the place of this computer's policy then; TOML alone.

    """

    file: Path
    put: bool = False


def add_file(parser: argparse.ArgumentParser) -> None:
    """Add the operand and the option."""
    parser.add_argument("--put", action="store_true", help="cli.policy.check.put")
    parser.add_argument("file", type=Path, metavar="FILE", help="cli.policy.check.file")


def check(options: CheckOptions) -> int:
    """Print what is wrong with a file, or odd; return 1 where it makes no policy.

    Raises:
        OSError: there is no such file, or it cannot be put in its place.
        ConfigError: the system does not say where that is.

    """
    log_aside()
    policy = _put(options.file) if options.put else policy_of(options.file)
    is_put = options.put and policy.problem is None
    if options.json:
        say_json(
            {
                "path": str(options.file),
                "usable": policy.problem is None,
                "put": str(system_path()) if is_put else None,
                "problem": policy.problem,
                "unknown": list(policy.unknown),
                "broad": [pattern for _, pattern in broad_patterns(policy.rules)],
            }
        )
    else:
        for line in _lines(policy, options.file):
            say(line)
        if is_put:
            say(tell("cli.policy.put", path=system_path()))
    return 0 if policy.problem is None else 1


def _put(path: Path) -> Policy:
    """Put a file in the policy's place if it makes one; what was judged is what is put there.

    Raises:
        OSError, ConfigError: as :func:`check`.

    """
    path.stat()
    try:
        content = config.read_raw(path)
        policy = Policy.understand(path, config.parsed(path, content))
    except ConfigError as error:
        return Policy.unusable(path, error.detail, error.said)
    put_policy_file(system_path(), content)
    return policy


def policy_of(path: Path) -> Policy:
    """Return the policy that a file would be in its place, whoever owns the file now.

    Raises:
        OSError: there is no such file.

    """
    path.stat()
    if path.suffix.lower() not in _PROPERTY_LISTS:
        return Policy.load(path, administrators_only=False)
    from agent.host.settings import profile_policy  # noqa: PLC0415  # few files are any

    try:
        content = read_file(path, profile_policy.MAX_PROFILE_SIZE, follow_links=True)
        table = profile_policy.parsed(path, content)
        if path.suffix.lower() == ".mobileconfig":
            table = _payload(path, table)
        found = profile_policy.sorted_out(path, table)
    except ConfigError as error:
        return Policy.unusable(path, error.detail, error.said)
    except OSError as error:
        return Policy.unusable(path, f"{path}: {error.strerror or error}")
    return Policy() if found is None else Policy.managed(found)


def _payload(path: Path, profile: dict[str, Any]) -> dict[str, Any]:
    """Return our part of a profile.

    Raises:
        ConfigError: it has none, or more than one.

    """
    content = profile.get("PayloadContent")
    payloads = content if isinstance(content, list) else []
    ours = [
        each
        for each in payloads
        if isinstance(each, dict) and each.get("PayloadType") == PROFILE_DOMAIN
    ]
    if len(ours) != 1:
        words = "cli.settings.no_payload", {"path": path, "name": PROFILE_DOMAIN}
        raise ConfigError(f"{path}: not one payload {PROFILE_DOMAIN}", said=words)
    return ours[0]


def remarks(policy: Policy) -> Iterator[str]:
    """Yield, in the language of the command line, what is odd about a usable policy."""
    if policy.unknown:
        yield tell("cli.policy.unknown", names=", ".join(policy.unknown))
    for rule, pattern in broad_patterns(policy.rules):
        yield tell("cli.policy.broad", rule=rule, pattern=pattern)


def _lines(policy: Policy, path: Path) -> Iterator[str]:
    if policy.problem is None:
        yield tell("cli.policy.good", path=path)
    else:
        problem = printable(policy.problem) if policy.words is None else said(policy.words)
        yield coloured(tell("cli.policy.unusable", problem=problem), Colour.RED)
    yield from remarks(policy)
