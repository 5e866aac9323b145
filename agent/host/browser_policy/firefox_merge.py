"""Firefox's policy file: made anew, or what is ours added to an administrator's own."""

import codecs
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Final

import msgspec

from agent.errors import BadRequestError
from agent.host.browser_policy.spelling import for_popups_in_firefox, in_firefox
from agent.origin import OriginPattern
from agent.strict_json import decode

MAX_POLICY: Final = 1024 * 1024
"""Bytes of a policy file that is read."""


class UnfitPolicyError(BadRequestError):
    """A policy file is not one that ours could be added to; nothing of it is guessed."""


def firefox_policies(sites: Sequence[OriginPattern], given: bytes | None = None) -> dict[str, Any]:
    """Return the content of a ``policies.json``; blocks for a tenth of a second at first.

    Args:
        sites: that may reach this computer and open windows.
        given: an administrator's own file, of which nothing is lost and nothing changed; UTF-8.

    Raises:
        UnfitPolicyError: ``given`` is no policy file, or has something else in one of our places.
        OSError: the list of public suffixes is missing: the installation is broken.

    """
    content = {} if given is None else _read(given)
    policies = _part(content, "policies")
    _add(_part(policies, "LocalNetworkAccess"), "SkipDomains", list(map(in_firefox, sites)))
    popups = [each for each in map(for_popups_in_firefox, sites) if each is not None]
    if popups:
        _add(_part(policies, "PopupBlocking"), "Allow", popups)
    return content


def as_json(policies: Any) -> bytes:
    """Return policies as JSON text that people can read."""
    return msgspec.json.format(msgspec.json.encode(policies), indent=2) + b"\n"


def _read(given: bytes) -> dict[str, Any]:
    try:
        raw = given.removeprefix(codecs.BOM_UTF8)
        return deepcopy(decode(raw, dict[str, Any], limit=MAX_POLICY))
    except ValueError as error:
        raise _unfit(str(error)) from error


def _part(content: dict[str, Any], name: str) -> dict[str, Any]:
    found = content.setdefault(name, {})
    if not isinstance(found, dict):
        raise _unfit(f"{name} is no object")
    return found


def _add(part: dict[str, Any], name: str, ours: Sequence[str]) -> None:
    found = part.setdefault(name, [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise _unfit(f"{name} is no list of texts")
    found += [each for each in dict.fromkeys(ours) if each not in found]


def _unfit(why: str) -> UnfitPolicyError:
    return UnfitPolicyError(f"no policy file: {why}", said=("cli.error.no_policies", {"why": why}))
