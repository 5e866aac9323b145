"""Which certificates an agent serves with: those for all users of the computer, or its user's own.

The shared ones count only while administrators alone can change them, all are there, and their end
is not near. Otherwise the agent serves with its user's own, as on a computer without any; the
doctor says why. An agent never writes in the shared folder: ``ankong setup machine`` does.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from pathlib import Path
from typing import Final

from agent.host.machine.administrators import (
    OpenToOthersError,
    SharedFolders,
    StrangersError,
    check_shared,
)
from agent.host.machine.paths import Paths
from agent.host.tls import identity
from agent.host.tls.authority import LEAVES
from agent.host.tls.identity import AUTHORITY_FILE, LocalCertificates, ServerIdentity
from agent.host.tls.ladder_file import judge_authority

LAST_DAYS: Final = timedelta(days=3)
"""So long before their end the shared certificates are no longer begun with."""


@unique
class Standing(StrEnum):
    """What the shared certificates are good for."""

    USABLE = "usable"
    ABSENT = "absent"
    STRANGERS = "strangers"  # made by somebody who is no administrator; ignored
    OPEN = "open"  # others than administrators can change them
    UNREADABLE = "unreadable"
    INCOMPLETE = "incomplete"
    ENDING = "ending"


@dataclass(frozen=True, slots=True)
class SharedCertificates:
    """The certificates for all users.

    Attributes:
        standing: whether they are served with, and if not, why.
        folder: of them; None where the system does not say.
        detail: what is wrong, in English.
        certificates: what was read; None where nothing could be, or is trusted.

    """

    standing: Standing
    folder: Path | None
    detail: str = ""
    certificates: LocalCertificates | None = None

    @property
    def is_usable(self) -> bool:
        """Whether an agent serves with them."""
        return self.standing is Standing.USABLE

    @property
    def is_administrators(self) -> bool:
        """Whether an administrator has made them, whatever became of them since.

        Other users of this computer can read their keys then, and browsers may trust them.
        """
        return self.standing not in {Standing.ABSENT, Standing.STRANGERS}


@dataclass(frozen=True, slots=True)
class TlsChoice:
    """Which certificates are served with.

    Attributes:
        folder: of them.
        shared: those for all users.

    """

    folder: Path
    shared: SharedCertificates

    @property
    def authority(self) -> Path:
        """The file of the certificate that is to be trusted."""
        return self.folder / AUTHORITY_FILE


def look(
    folder: Path, now: datetime | None = None, windows: SharedFolders | None = None
) -> SharedCertificates:
    """Judge the shared certificates; nothing is changed.

    Args:
        folder: of them.
        now: with a time zone; the clock's when None.
        windows: asks Windows; None for this system.

    """
    now = now or datetime.now(UTC)
    try:
        check_shared(folder, identity.FILES, windows)
        if not any((folder / name).exists() for name in identity.FILES):
            return SharedCertificates(Standing.ABSENT, folder)
        return _judged(folder, identity.read(folder), now)
    except FileNotFoundError:
        return SharedCertificates(Standing.ABSENT, folder)
    except (StrangersError, OpenToOthersError) as error:
        is_strange = isinstance(error, StrangersError)
        standing = Standing.STRANGERS if is_strange else Standing.OPEN
        return SharedCertificates(standing, folder, error.detail)
    except OSError as error:
        detail = f"{error.filename or folder}: {error.strerror or error}"
        return SharedCertificates(Standing.UNREADABLE, folder, detail)


def _judged(folder: Path, found: LocalCertificates | None, now: datetime) -> SharedCertificates:
    if found is None or len(found.leaves) < LEAVES:
        there = 0 if found is None else len(found.leaves)
        detail = f"{there} of {LEAVES} certificates are there"
        return SharedCertificates(Standing.INCOMPLETE, folder, detail, found)
    try:
        judge_authority(found.certificate)  # each user's stores are asked to trust it
    except ValueError as error:
        return SharedCertificates(Standing.UNREADABLE, folder, str(error))
    if now >= found.ends - LAST_DAYS:
        return SharedCertificates(Standing.ENDING, folder, f"{found.ends:%Y-%m-%d}", found)
    return SharedCertificates(Standing.USABLE, folder, certificates=found)


def choose(
    paths: Paths, now: datetime | None = None, windows: SharedFolders | None = None
) -> TlsChoice:
    """Choose the certificates to serve with; nothing is made.

    Args:
        paths: of the user's files, and of those for all users.
        now: with a time zone; the clock's when None.
        windows: asks Windows; None for this system.

    """
    try:
        folder = paths.machine.tls
    except OSError as error:
        return TlsChoice(paths.tls, SharedCertificates(Standing.UNREADABLE, None, str(error)))
    shared = look(folder, now, windows)
    return TlsChoice(folder if shared.is_usable else paths.tls, shared)


@dataclass(frozen=True, slots=True)
class TlsSource:
    """Where an agent takes its certificates from.

    Attributes:
        paths: of the user's files, and of those for all users.
        may_share: whether those for all users may be taken. An agent that began without them, and
            takes PINs of pages, leaves them alone until it starts again.

    """

    paths: Paths
    may_share: bool = True

    def ensure(self, now: datetime | None = None) -> ServerIdentity:
        """Return the identity to serve with; the user's own is made where that is needed.

        Args:
            now: with a time zone; the clock's when None.

        Raises:
            OSError: the user's own folder cannot be read or written.

        """
        now = now or datetime.now(UTC)
        folder = self._folder(now)
        found = None
        if folder != self.paths.tls:
            with suppress(OSError):  # taken away this moment
                found = identity.find(folder, now)
        return found or identity.ensure(self.paths.tls, now)

    def authority(self) -> Path:
        """Return the file of the certificate that is to be trusted now."""
        return self._folder() / AUTHORITY_FILE

    def _folder(self, now: datetime | None = None) -> Path:
        return choose(self.paths, now).folder if self.may_share else self.paths.tls
