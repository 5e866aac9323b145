"""The administrator's policy: stronger than the settings and than the citizen.

A policy that cannot be read is not the same as none: every site is refused until it can.
"""

import os
import stat
import sys
from enum import Enum, auto
from pathlib import Path
from typing import Final, Self

from agent.host.settings import config
from agent.host.settings.config import Config, ConfigError, PolicyFile
from agent.origin import Origin, OriginPattern

_FILE: Final = "policy.toml"
_STRICTEST: Final = PolicyFile(
    other_sites="forbid", page_pin=False, allow_sha1=False, last_try=False, update_check=False
)
_OVERRIDES: Final = (
    "page_pin",
    "allow_sha1",
    "last_try",
    "update_check",
    "update_url",
    "update_keys",
    "port",
    "hipki_port",
    "log_level",
)


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

    def __init__(self, rules: PolicyFile | None = None, source: Path | None = None) -> None:
        """Understand what was laid down.

        Raises:
            ConfigError: a pattern is none.

        """
        self.source = source
        self.problem: str | None = None
        self._rules = rules or PolicyFile()
        try:
            self._allowed = tuple(map(OriginPattern.parse, self._rules.allowed))
            self._forbidden = tuple(map(OriginPattern.parse, self._rules.forbidden))
        except ValueError as error:
            raise ConfigError(f"{source or _FILE}: {error}") from error

    @classmethod
    def unusable(cls, source: Path, problem: str) -> Self:
        """Make the policy that refuses everything, because the real one cannot be read."""
        policy = cls(_STRICTEST, source)
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
            return cls(config.read(path, PolicyFile), path)
        except FileNotFoundError:
            return cls()
        except ConfigError as error:
            problem = error.detail
        except OSError as error:
            problem = f"{path}: {error.strerror or error}"
        return cls.unusable(path, problem)

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

    def over(self, settings: Config) -> Config:
        """Put what is laid down over the citizen's settings."""
        laid_down = {name: getattr(self._rules, name) for name in _OVERRIDES}
        return settings.replaced({k: v for k, v in laid_down.items() if v is not None})


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
