"""The status of this version: newest, outdated or too old to sign; for all that show or need it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, unique

from agent import __version__
from agent.errors import AgentError, ErrorCode
from agent.host.machine.paths import Paths
from agent.host.settings.config import Settings
from agent.host.settings.preferences import Preferences
from agent.host.update import version
from agent.host.update.memory import UpdateMemory, load
from agent.host.update.release_keys import RELEASE_KEYS


@unique
class UpdateChecking(StrEnum):
    """Whether the server is asked for newer versions, and if not, why."""

    ON = "on"
    NO_ADDRESS = "no_address"  # none is configured
    NO_KEY = "no_key"  # none is trusted
    FORBIDDEN = "forbidden"  # by the settings or a policy
    DECLINED = "declined"  # by the citizen, in menu or panel


@unique
class VersionAge(StrEnum):
    """How old this version is, as far as known."""

    UNKNOWN = "unknown"
    NEWEST = "newest"
    NEWER = "newer"  # a newer one exists
    TOO_OLD = "too_old"  # it must not sign


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """What is known of this version and newer ones.

    Attributes:
        asking: whether newer versions are asked for.
        age: what is known of this one.
        newest: the newest version; empty where none is known.
        floor: below which the agent does not sign; empty likewise.
        page: where a person gets the newest; may be empty.
        reason: of the floor, by language; may be empty.
        answered: when the server said so; None for never.

    """

    asking: UpdateChecking
    age: VersionAge = VersionAge.UNKNOWN
    newest: str = ""
    floor: str = ""
    page: str = ""
    reason: Mapping[str, str] = field(default_factory=dict)
    answered: datetime | None = None


class TooOldError(AgentError):
    """This version must not sign any more.

    A page is told ``internal``: it can do nothing about it, and trying again does not help. The
    citizen is told why in the panel, by the icon and by the doctor.
    """

    code = ErrorCode.INTERNAL


def keys_of(settings: Settings) -> Sequence[str]:
    """Return the trusted public keys."""
    return (*RELEASE_KEYS, *settings.update_keys)


def asking(settings: Settings, *, wanted: bool) -> UpdateChecking:
    """Return whether the server is asked for newer versions.

    Args:
        settings: the citizen's, under the policy.
        wanted: what the citizen chose in menu or panel.

    """
    if not settings.update_check:
        return UpdateChecking.FORBIDDEN
    if not settings.update_url:
        return UpdateChecking.NO_ADDRESS
    if not keys_of(settings):
        return UpdateChecking.NO_KEY
    return UpdateChecking.ON if wanted else UpdateChecking.DECLINED


def judge(memory: UpdateMemory, how: UpdateChecking, own: str = __version__) -> UpdateStatus:
    """Return the status of a version; without asking, an old manifest does not count."""
    said = memory.manifest
    if how is not UpdateChecking.ON or said is None:
        return UpdateStatus(how)
    if version.is_older(own, said.floor):
        age = VersionAge.TOO_OLD
    else:
        age = VersionAge.NEWER if version.is_older(own, said.newest) else VersionAge.NEWEST
    return UpdateStatus(how, age, said.newest, said.floor, said.page, said.reason, memory.answered)


def read(paths: Paths, settings: Settings) -> UpdateStatus:
    """Return this version's status by the manifest that an agent has stored."""
    how = asking(settings, wanted=Preferences(paths.preferences).update_check)
    return judge(load(paths.update, keys_of(settings)), how)


def check(status: UpdateStatus) -> None:
    """Forbid signing with a version that is too old.

    Raises:
        TooOldError: this one is.

    """
    if status.age is VersionAge.TOO_OLD:
        raise TooOldError(
            f"version {__version__} must not sign any more: {status.floor} is the oldest that may"
        )
