"""The administrator's policy, which overrides the settings and the decisions of the user.

It is what the system's management lays down, or else a file: one of them as a whole, nothing is
merged. While there is one that cannot be read or is invalid, every site is refused.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from hashlib import sha256
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any, Final, Self

import msgspec

from agent import __version__
from agent.harmless import is_harmful
from agent.host.machine.paths import program_data
from agent.host.settings import config, mistakes
from agent.host.settings.config import BlindRule, ConfigError, Lock, Settings
from agent.host.settings.managed_policy import (
    ManagedTable,
    find_managed_policy,
    managed_place,
)
from agent.host.settings.policy_file import PlantedPolicyError, check_policy_file
from agent.host.settings.policy_rules import BY_NAME, FleetRules, PolicyVersion, SiteRules
from agent.host.update import version
from agent.origin import Origin, OriginPattern

_FILE: Final = "policy.toml"


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


@dataclass(frozen=True, slots=True)
class _PolicyVerdicts:
    """What is decided of sites; exchanged as a whole, so that nobody sees half of two policies."""

    rules: SiteRules
    fleet: FleetRules
    allowed: tuple[OriginPattern, ...]
    forbidden: tuple[OriginPattern, ...]
    blind: tuple[OriginPattern, ...]
    problem: str | None = None


class Policy:
    """The policy of this computer; by default it decides nothing.

    Attributes:
        words: the same for people, as of :attr:`agent.errors.AgentError.said`; None where nothing
            but ``problem`` says it.
        planted: what somebody who is no administrator put in its place, which is ignored; None
            where there is nothing.
        source: the policy file, or what is stronger; None if there is none.
        hidden: the policy file that is not read because ``source`` is stronger; None for none.
        is_users: whether the user wrote it: a file that stands in for a policy.
        unknown: names of rules that only another version has, which are left out; none of a file.
        implied: values that settings have by name, whatever the user wrote, because of something
            else that an administrator did; those that an administrator's policy fixes come first.

    """

    def __init__(
        self,
        rules: SiteRules | None = None,
        locked: Mapping[str, object] = MappingProxyType({}),
        source: PurePath | None = None,
        fleet: FleetRules | None = None,
    ) -> None:
        """Parse the patterns of the rules.

        Args:
            rules: about sites.
            locked: values of the settings that the policy fixes, by name of the setting.
            source: the policy file, or what is stronger.
            fleet: the rules that no setting of a user's has.

        Raises:
            ConfigError: a pattern of the rules is invalid.

        """
        self.source = source
        self.words: mistakes.Words | None = None
        self.planted: str | None = None
        self.hidden: Path | None = None
        self.is_users = False
        self.unknown: tuple[str, ...] = ()
        self.implied: Mapping[str, object] = MappingProxyType({})
        self._locked = locked
        rules = rules or SiteRules()
        try:
            self._verdicts = _PolicyVerdicts(
                rules,
                fleet or FleetRules(),
                tuple(map(OriginPattern.parse, rules.allowed)),
                tuple(map(OriginPattern.parse, rules.forbidden)),
                tuple(map(OriginPattern.parse, rules.blind_origins)),
            )
        except ValueError as error:
            raise ConfigError(f"{source or _FILE}: {error}") from error

    @classmethod
    def unusable(cls, source: PurePath, problem: str, words: mistakes.Words | None = None) -> Self:
        """Return a policy that refuses every site, in place of one that cannot be used.

        Args:
            source: the policy file, or what is stronger.
            problem: English description of why it cannot be used.
            words: the same for people; None where nothing but ``problem`` says it.

        """
        locked = {
            name: lock.when_unusable
            for name, _, lock in config.marked(Lock)
            if lock.when_unusable is not None
        }
        policy = cls(SiteRules(other_sites="forbid"), locked, source)
        policy._verdicts = replace(policy._verdicts, problem=problem)
        policy.words = words
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
            return cls.understand(path, config.read(path))
        except FileNotFoundError:
            return cls()
        except PlantedPolicyError as error:
            policy = cls()
            policy.planted = error.detail
            return policy
        except ConfigError as error:
            return cls.unusable(path, error.detail, error.said)
        except OSError as error:
            return cls.unusable(path, f"{path}: {error.strerror or error}")

    @classmethod
    def understand(cls, source: PurePath, table: Mapping[str, Any]) -> Self:
        """Make a policy of a table as TOML has it.

        Args:
            source: of the table.
            table: what it says, by name of the rule.

        Raises:
            ConfigError: a rule is unknown, or has a value that it cannot have; or a newer version
                than this one is demanded, which is said before anything else.

        """
        _check_version(source, table)
        locks = {name for name, _, _ in config.marked(Lock)}
        lockable = locks & table.keys()
        settings = config.understand(source, {name: table[name] for name in lockable}, Settings)
        names = FleetRules.__struct_fields__
        fleet = {name: value for name, value in table.items() if name in names}
        rest = {name: table[name] for name in table if name not in lockable and name not in fleet}
        rules = config.understand(source, rest, SiteRules, BY_NAME)
        locked = {name: getattr(settings, name) for name in lockable}
        for_fleet = config.understand(source, fleet, FleetRules, BY_NAME)
        _check_texts(source, table)
        return cls(rules, locked, source, for_fleet)

    @classmethod
    def managed(cls, found: ManagedTable) -> Self:
        """Make a policy of what the system's management lays down; an invalid one refuses all."""
        try:
            policy = cls.understand(found.source, found.table)
        except ConfigError as error:
            policy = cls.unusable(found.source, error.detail, error.said)
        policy.unknown = found.unknown
        return policy

    @classmethod
    def of_this_computer(cls, stand_in: Path | None = None) -> Self:
        """Read the policy of this computer: one source, the strongest, and nothing of the others.

        Args:
            stand_in: a file to read if the computer has no policy of its own.

        """
        try:
            path = system_path()
        except ConfigError as error:
            return cls.unusable(Path(_FILE), error.detail)
        managed = cls._stronger_than_files()
        policy = cls.load(path, administrators_only=True)
        if managed is not None:
            managed.planted, managed.hidden = policy.planted, path if policy.source else None
            return managed
        if policy.source is None and stand_in is not None:
            planted, policy = policy.planted, cls.load(stand_in, administrators_only=False)
            policy.planted, policy.is_users = planted, True
        return policy

    @classmethod
    def _stronger_than_files(cls) -> Self | None:
        try:
            found = find_managed_policy()
        except ConfigError as error:
            return cls.unusable(managed_place(), error.detail, error.said)
        except OSError as error:
            place = managed_place()
            return cls.unusable(place, f"{place}: {error.strerror or error}")
        return None if found is None else cls.managed(found)

    def take_over(self, newer: Self) -> None:
        """Decide as a newer policy does; what it fixes of the settings holds after a new start.

        Who decides meanwhile decides by the one or by the other.

        Args:
            newer: the policy of this computer as it was read again.

        """
        self.source, self.words = newer.source, newer.words
        self.planted, self.hidden, self.unknown = newer.planted, newer.hidden, newer.unknown
        self._verdicts = newer._verdicts

    @property
    def problem(self) -> str | None:
        """English description of why the policy is unusable; None for a usable one."""
        return self._verdicts.problem

    @property
    def fleet(self) -> FleetRules:
        """The rules that no setting of a user's has."""
        return self._verdicts.fleet

    @property
    def locked(self) -> Mapping[str, object]:
        """The values of the settings that the policy fixes, by name."""
        left = self.implied.keys() if self.is_users else ()
        fixed = {name: value for name, value in self._locked.items() if name not in left}
        return MappingProxyType(fixed)

    @property
    def rules(self) -> SiteRules:
        """What it says about sites."""
        return self._verdicts.rules

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits, the same for policies that decide the same."""
        # One that cannot be used refuses everybody, whatever was fixed before.
        fixed = {**self.implied, **self.locked} if self.problem is None else {}
        decided = (self.problem, self.rules, sorted(fixed.items()), self.fleet)
        return sha256(msgspec.json.encode(decided)).hexdigest()

    def decision(self, origin: Origin) -> Ruling:
        """Return what the policy decides about a site; an unusable policy forbids every site."""
        now = self._verdicts
        if now.problem is not None:
            return Ruling.FORBIDDEN
        if any(pattern.matches(origin) for pattern in now.forbidden):
            return Ruling.FORBIDDEN
        if any(pattern.matches(origin) for pattern in now.allowed):
            return Ruling.ALLOWED
        return Ruling.SILENT if now.rules.other_sites == "ask" else Ruling.FORBIDDEN

    def blind_decision(self, origin: Origin, others: BlindRule) -> Ruling:
        """Return what is decided about a site's signatures over what cannot be shown.

        Args:
            origin: of the site.
            others: the setting ``blind_signatures``, for sites that the policy does not name.

        """
        now = self._verdicts
        if now.problem is not None:
            return Ruling.FORBIDDEN
        if any(pattern.matches(origin) for pattern in now.blind):
            return Ruling.ALLOWED
        return _BLIND_RULINGS[others]

    def over(self, settings: Settings) -> Settings:
        """Return the settings with the values that the policy, and what is implied, fixes."""
        return settings.replaced({**self.implied, **self.locked})


def _check_version(source: PurePath, table: Mapping[str, Any]) -> None:
    """Refuse a policy for newer agents, whose other rules this one may not understand.

    Raises:
        ConfigError: it is one.

    """
    try:
        wanted = msgspec.convert(table.get("minimum_version", "0.0"), PolicyVersion)
    except msgspec.ValidationError:
        return  # said with the other mistakes
    if version.is_older(__version__, wanted):
        facts = {"path": source, "wanted": wanted, "version": __version__}
        raise _mistaken(("cli.settings.too_old", facts))


def _check_texts(source: PurePath, table: Mapping[str, Any]) -> None:
    """Refuse what nobody can see: it may show another text than it is, or end one.

    Raises:
        ConfigError: a text has a control character, one that turns others around, or half of one.

    """
    for name, value in table.items():
        if any(is_harmful(each) for text in _texts(value) for each in text):
            raise _mistaken(("cli.settings.unseen", {"path": source, "name": name}))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _mistaken(words: mistakes.Words) -> ConfigError:
    return ConfigError(mistakes.in_english(words), said=words)


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
