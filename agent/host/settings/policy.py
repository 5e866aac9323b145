"""The administrator's policy: stronger than the settings and than the citizen.

A policy that cannot be read is not the same as none: every site is refused until it can.
"""

import os
import stat
import sys
from collections.abc import Mapping
from enum import Enum, auto
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from msgspec import Meta, Struct

from agent.host.settings import config
from agent.host.settings.config import ConfigError, Lock, Settings
from agent.origin import Origin, OriginPattern

_FILE: Final = "policy.toml"
Patterns = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...], Meta(max_length=1000)
]


class SiteRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an administrator has laid down about sites.

    Attributes:
        allowed: patterns of origins about which nobody is asked.
        forbidden: patterns of origins that are refused, even where ``allowed`` names them too.
        other_sites: whether the citizen may be asked about every other one.

    """

    allowed: Patterns = ()
    forbidden: Patterns = ()
    other_sites: Literal["ask", "forbid"] = "ask"


class Ruling(Enum):
    """What the policy says about a site."""

    SILENT = auto()  # nothing: the citizen decides
    ALLOWED = auto()
    FORBIDDEN = auto()


class Policy:
    """What an administrator has laid down; the default is nothing.

    Attributes:
        problem: why the policy cannot be used, for a person; None when all is well.
        source: the file it came from; None when there is none.

    """

    def __init__(
        self,
        rules: SiteRules | None = None,
        locked: Mapping[str, object] = MappingProxyType({}),
        source: Path | None = None,
    ) -> None:
        """Take over what was laid down.

        Args:
            rules: about sites.
            locked: the settings that are laid down, each by its name.
            source: the file.

        Raises:
            ConfigError: a pattern of the rules is wrong.

        """
        self.source = source
        self.problem: str | None = None
        self._rules = rules or SiteRules()
        self._locked = locked
        try:
            self._allowed = tuple(map(OriginPattern.parse, self._rules.allowed))
            self._forbidden = tuple(map(OriginPattern.parse, self._rules.forbidden))
        except ValueError as error:
            raise ConfigError(f"{source or _FILE}: {error}") from error

    @classmethod
    def unusable(cls, source: Path, problem: str) -> Self:
        """Make the policy that refuses everything, because the real one cannot be read."""
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
        """Read a policy; a missing file lays nothing down, an unusable one forbids everything.

        Args:
            path: of the file.
            administrators_only: whether a file that others can write is unusable (not on
                Windows, where the folder's access list says who may).

        """
        try:
            if administrators_only:
                _check_owner(path)
            return cls._understand(path)
        except FileNotFoundError:
            return cls()
        except ConfigError as error:
            problem = error.detail
        except OSError as error:
            problem = f"{path}: {error.strerror or error}"
        return cls.unusable(path, problem)

    @classmethod
    def _understand(cls, path: Path) -> Self:
        """Read the file: settings that may be locked, and the rules about sites.

        Raises:
            FileNotFoundError: it is not there.
            ConfigError: it is no policy.

        """
        table = config.read(path)
        lockable = {name for name, _, _ in config.marked(Lock)} & table.keys()
        settings = config.understand(path, {name: table[name] for name in lockable}, Settings)
        rest = {name: value for name, value in table.items() if name not in lockable}
        rules = config.understand(path, rest, SiteRules)
        return cls(rules, {name: getattr(settings, name) for name in lockable}, path)

    @classmethod
    def of_this_computer(cls, stand_in: Path | None = None) -> Self:
        """Read this computer's policy.

        Args:
            stand_in: read where the computer has none of its own; it never takes the place of
                one.

        """
        try:
            path = system_path()
        except ConfigError as error:
            return cls.unusable(Path(_FILE), error.detail)
        policy = cls.load(path, administrators_only=True)
        if policy.source is None and stand_in is not None:
            return cls.load(stand_in, administrators_only=False)
        return policy

    def decision(self, origin: Origin) -> Ruling:
        """Say what is laid down about a site; everything is forbidden where there is a problem."""
        if self.problem is not None:
            return Ruling.FORBIDDEN
        if any(pattern.matches(origin) for pattern in self._forbidden):
            return Ruling.FORBIDDEN
        if any(pattern.matches(origin) for pattern in self._allowed):
            return Ruling.ALLOWED
        return Ruling.SILENT if self._rules.other_sites == "ask" else Ruling.FORBIDDEN

    def over(self, settings: Settings) -> Settings:
        """Return the settings with what is laid down in the place of what they say."""
        return settings.replaced(self._locked)


def system_path() -> Path:
    """Find where an administrator puts the policy; no environment variable moves it.

    Raises:
        ConfigError: Windows does not say where its program data is.

    """
    if sys.platform == "win32":
        return _program_data() / "Ankong" / _FILE
    if sys.platform == "darwin":
        return Path("/Library/Application Support/Ankong") / _FILE
    return Path("/etc/ankong") / _FILE


def _program_data() -> Path:
    """Ask Windows itself: a user can set the variable %ProgramData% to another folder."""
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415  # Windows only

        buffer = ctypes.create_unicode_buffer(260)
        # CSIDL_COMMON_APPDATA, SHGFP_TYPE_CURRENT
        if ctypes.windll.shell32.SHGetFolderPathW(None, 0x23, None, 0, buffer) == 0:
            return Path(buffer.value)
    raise ConfigError("this system does not say where its program data is")


def _check_owner(path: Path) -> None:
    """Refuse a file that somebody other than root can change, POSIX only.

    Raises:
        ConfigError: it is one.
        OSError: it cannot be looked at.

    """
    if os.name != "posix":
        return
    found = path.stat()
    group = found.st_gid != 0 and found.st_mode & stat.S_IWGRP
    if found.st_uid != 0 or group or found.st_mode & stat.S_IWOTH:
        raise ConfigError(f"{path}: others than root can change it")
