"""What is left to do for a user once the program's files are there; doing it again does no harm."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent import __version__
from agent.host.autostart import Autostart
from agent.host.machine.paths import Paths
from agent.host.tls import identity
from agent.host.tls.store import AuthorityFile, Place, Presence
from agent.host.tls.trust import Trust
from agent.setup import record
from agent.setup.record import Record
from agent.setup.report import Step, carry_out, done, failed


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What the citizen ticked in the wizard.

    Attributes:
        autostart: whether the agent starts at sign-in; None means yes the first time, and
            later what the citizen has chosen since.
        trust: whether browsers are told to trust the local certificate.

    """

    autostart: bool | None = None
    trust: bool = True


class Completion:
    """One run of it."""

    def __init__(
        self, paths: Paths, trust: Trust, autostart: Autostart | None, wishes: Wishes
    ) -> None:
        """Take what there is.

        Args:
            paths: the agent's folder; made when missing.
            trust: the trust stores.
            autostart: this system's way; None where there is none.
            wishes: the citizen's.

        """
        self._paths = paths
        self._trust = trust
        self._autostart = autostart
        self._wishes = wishes
        self._before = record.read(paths.installed)
        self._folders = () if self._before is None else self._before.folders

    def run(self) -> Sequence[Step]:
        """Carry out every step of the setup."""
        steps = carry_out(
            {
                "certificate": self._make_certificate,
                "trust": self._make_trusted,
                "autostart": self._set_autostart,
            }
        )
        complete = all(step.ok for step in steps)
        return [*steps, *carry_out({"record": lambda: self._write_down(complete=complete)})]

    def _make_certificate(self) -> Iterator[Step]:
        try:
            self._prepare()
            made = identity.ensure(self._paths.tls)
        except OSError as error:
            path, detail = str(self._paths.state), str(error.strerror or error)
            yield failed("certificate", "certificate_failed", path=path, detail=detail)
            return
        yield done("certificate", "certificate_made" if made.created else "certificate_kept")

    def _prepare(self) -> None:
        """Make the folder; write down first what else has to be made for it."""
        wanted = [self._paths.state]
        if self._autostart is not None and self._autostart.folder is not None:
            wanted.append(self._autostart.folder / "entry")
        new = [str(folder) for folder in record.missing_above(wanted)]
        self._folders = (*self._folders, *(each for each in new if each not in self._folders))
        self._paths.prepare()
        complete = self._before is not None and self._before.complete
        Record(__version__, complete, self._folders).write(self._paths.installed)

    def _make_trusted(self) -> Iterator[Step]:
        if not self._wishes.trust:
            yield done("trust", "trust_not_wanted")
            return
        authority = AuthorityFile.load(self._paths.tls / identity.AUTHORITY_FILE)
        self._trust.uninstall(keep=authority.sha256)  # of earlier certificates
        places = self._trust.install(authority)
        needed = [place for place in places if self._trust.is_needed(place)]
        yield from map(_told, needed)
        if not needed:
            yield done("trust", "trust_no_browser")

    def _set_autostart(self) -> Iterator[Step]:
        if self._autostart is None:
            yield done("autostart", "autostart_unknown")
            return
        wanted = self._wishes.autostart
        if wanted is None:
            is_first = self._before is None or not self._before.complete
            wanted = is_first or self._autostart.is_on()
        if wanted:
            self._autostart.turn_on()  # also when it is on: the program may be elsewhere now
        else:
            self._autostart.turn_off()
        yield done("autostart", "autostart_on" if wanted else "autostart_off")

    def _write_down(self, *, complete: bool) -> Iterator[Step]:
        if complete:
            Record(__version__, complete, self._folders).write(self._paths.installed)
            yield done("record", "record_written")


def _told(place: Place) -> Step:
    if place.presence is Presence.TRUSTED:
        return done("trust", "trust_installed", store=place.store)
    if place.presence is Presence.NEEDS_TOOL:
        return failed("trust", "trust_needs_tool", store=place.store)
    detail = place.detail or str(place.presence)
    return failed("trust", "trust_missing", store=place.store, detail=detail)
