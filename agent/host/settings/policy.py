"""The administrator's policy, which overrides the settings and the decisions of the user.

While a policy file exists but cannot be read or is invalid, every site is refused.
"""

import sys
from collections.abc import Mapping
from enum import Enum, auto
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

import msgspec
from msgspec import Meta, Struct

from agent.host.machine.paths import program_data
from agent.host.settings import config, mistakes
from agent.host.settings.config import BlindRule, ConfigError, Lock, Settings
from agent.host.settings.policy_file import PlantedPolicyError, check_policy_file
from agent.origin import Origin, OriginPattern

_FILE: Final = "policy.toml"
Patterns = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...], Meta(max_length=1000)
]


class SiteRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of a policy that is about sites.

    Attributes:
        allowed: patterns of origins that are allowed without asking the user.
        forbidden: patterns of origins that are refused, also if ``allowed`` matches them.
        other_sites: whether to ask the user about all other origins, or refuse them.
        blind_origins: patterns of origins that may have signed what cannot be shown, without
            asking the user and whatever the setting ``blind_signatures`` says about others.

    """

    allowed: Patterns = ()
    forbidden: Patterns = ()
    other_sites: Literal["ask", "forbid"] = "ask"
    blind_origins: Patterns = ()


class Ruling(Enum):
    """What the policy decides about a site."""

    SILENT = auto()  # nothing: the user decides
    ALLOWED = auto()
    FORBIDDEN = auto()


_BLIND_RULINGS: Final[Mapping[BlindRule, Ruling]] = {
    "ask": Ruling.SILENT,
    "allow": Ruling.ALLOWED,
    "deny": Ruling.FORBIDDEN,
}


class Policy:
    """The policy of this computer; by default it decides nothing.

    Attributes:
        problem: English description of why the policy is unusable; None for a usable one.
        words: the same for people, as of :attr:`agent.errors.AgentError.said`; None where nothing
            but ``problem`` says it.
        planted: what somebody who is no administrator put in its place, which is ignored; None
            where there is nothing.
        source: the policy file; None if there is none.
        implied: values that settings have by name, whatever the user wrote, because of something
            else that an administrator did; those that the policy fixes come first.

    """

    def __init__(
        self,
        rules: SiteRules | None = None,
        locked: Mapping[str, object] = MappingProxyType({}),
        source: Path | None = None,
    ) -> None:
        """Parse the patterns of the rules.

        Args:
            rules: about sites.
            locked: values of the settings that the policy fixes, by name of the setting.
            source: the policy file.

        Raises:
            ConfigError: a pattern of the rules is invalid.

        """
        self.source = source
        self.problem: str | None = None
        self.words: mistakes.Words | None = None
        self.planted: str | None = None
        self.implied: Mapping[str, object] = MappingProxyType({})
        self._rules = rules or SiteRules()
        self._locked = locked
        try:
            self._allowed = tuple(map(OriginPattern.parse, self._rules.allowed))
            self._forbidden = tuple(map(OriginPattern.parse, self._rules.forbidden))
            self._blind = tuple(map(OriginPattern.parse, self._rules.blind_origins))
        except ValueError as error:
            raise ConfigError(f"{source or _FILE}: {error}") from error

    @classmethod
    def unusable(cls, source: Path, problem: str) -> Self:
        """Return a policy that refuses every site, in place of one that cannot be used.

        Args:
            source: the policy file.
            problem: English description of why it cannot be used.

        """
        locked = {
            name: lock.when_unusable
            for name, _, lock in config.marked(Lock)
            if lock.when_unusable is not None
        }
        policy = cls(SiteRules(other_sites="forbid"), locked, source)
        policy.problem = problem
        return policy

    @classmethod
    def load(cls, path: Path, *, administrators_only: bool) -> Self:
        """Read a policy file; without one nothing is decided, with an invalid one all is refused.

        Args:
            path: of the file.
            administrators_only: whether a file counts only if administrators alone can change it
                (see :func:`agent.host.settings.policy_file.check_policy_file`).

        """
        try:
            if administrators_only:
                check_policy_file(path)
            return cls._understand(path)
        except FileNotFoundError:
            return cls()
        except PlantedPolicyError as error:
            policy = cls()
            policy.planted = error.detail
            return policy
        except ConfigError as error:
            policy = cls.unusable(path, error.detail)
            policy.words = error.said
            return policy
        except OSError as error:
            return cls.unusable(path, f"{path}: {error.strerror or error}")

    @classmethod
    def _understand(cls, path: Path) -> Self:
        """Read the lockable settings and the rules about sites from a file.

        Raises:
            FileNotFoundError: there is no such file.
            ConfigError: the file is invalid.

        """
        table = config.read(path)
        names = {name for name, _, _ in config.marked(Lock)}
        lockable = names & table.keys()
        settings = config.understand(path, {name: table[name] for name in lockable}, Settings)
        rest = {name: value for name, value in table.items() if name not in lockable}
        known = (*names, *SiteRules.__struct_fields__)
        rules = config.understand(path, rest, SiteRules, known)
        return cls(rules, {name: getattr(settings, name) for name in lockable}, path)

    @classmethod
    def of_this_computer(cls, stand_in: Path | None = None) -> Self:
        """Read the policy of this computer.

        Args:
            stand_in: a file to read if the computer has no policy at :func:`system_path`.

        """
        try:
            path = system_path()
        except ConfigError as error:
            return cls.unusable(Path(_FILE), error.detail)
        policy = cls.load(path, administrators_only=True)
        if policy.source is None and stand_in is not None:
            planted, policy = policy.planted, cls.load(stand_in, administrators_only=False)
            policy.planted = planted
        return policy

    @property
    def locked(self) -> Mapping[str, object]:
        """The values of the settings that the policy fixes, by name."""
        return MappingProxyType(dict(self._locked))

    @property
    def rules(self) -> SiteRules:
        """What it says about sites."""
        return self._rules

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits, the same for policies that decide the same."""
        fixed = {**self.implied, **self._locked}
        decided = (self.problem, self._rules, sorted(fixed.items()))
        return sha256(msgspec.json.encode(decided)).hexdigest()

    def decision(self, origin: Origin) -> Ruling:
        """Return what the policy decides about a site; an unusable policy forbids every site."""
        if self.problem is not None:
            return Ruling.FORBIDDEN
        if any(pattern.matches(origin) for pattern in self._forbidden):
            return Ruling.FORBIDDEN
        if any(pattern.matches(origin) for pattern in self._allowed):
            return Ruling.ALLOWED
        return Ruling.SILENT if self._rules.other_sites == "ask" else Ruling.FORBIDDEN

    def blind_decision(self, origin: Origin, others: BlindRule) -> Ruling:
        """Return what is decided about a site's signatures over what cannot be shown.

        Args:
            origin: of the site.
            others: the setting ``blind_signatures``, for sites that the policy does not name.

        """
        if self.problem is not None:
            return Ruling.FORBIDDEN
        if any(pattern.matches(origin) for pattern in self._blind):
            return Ruling.ALLOWED
        return _BLIND_RULINGS[others]

    def over(self, settings: Settings) -> Settings:
        """Return the settings with the values that the policy, and what is implied, fixes."""
        return settings.replaced({**self.implied, **self._locked})


def system_path() -> Path:
    """Return the path of the policy file, which no environment variable can change.

    Raises:
        ConfigError: Windows does not tell the folder for program data.

    """
    if sys.platform == "win32":
        try:
            return program_data() / "Ankong" / _FILE
        except OSError as error:
            raise ConfigError(str(error)) from error
    if sys.platform == "darwin":
        return Path("/Library/Application Support/Ankong") / _FILE
    return Path("/etc/ankong") / _FILE
