"""Set the program up for one user once its files are installed; repeating it does no harm."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agent import __version__
from agent.host.autostart import Autostart
from agent.host.filemanager import FileManager
from agent.host.machine.paths import Paths
from agent.host.tls.places import TlsSource, choose
from agent.host.tls.store import NAMES, OBSTACLES, AuthorityFile, Place, Presence
from agent.host.tls.trust import Trust
from agent.setup.folders import missing_above
from agent.setup.mending import mend_certificates, mend_settings
from agent.setup.record import SetupRecord
from agent.setup.report import StepFunction, StepResult, done, failed, run_steps


@dataclass(frozen=True, kw_only=True, slots=True)
class SetupOptions:
    """What the user chose in the installer.

    Attributes:
        autostart: whether the agent starts at sign-in; None means yes at the first setup, and
            later what the user has chosen since.
        trust: whether the user's browsers are made to trust the local certificate; None where the
            installation for all users left that to the organisation.
        file_manager: whether file managers offer to sign; None means yes unless the user has
            chosen otherwise.
        repair: whether what is damaged in the user's own state is mended first.

    """

    autostart: bool | None = None
    trust: bool | None = True
    file_manager: bool | None = None
    repair: bool = False


class UserSetup:
    """One run of the setup."""

    def __init__(
        self,
        paths: Paths,
        trust: Trust,
        autostart: Autostart | None,
        options: SetupOptions,
        file_manager: FileManager | None = None,
    ) -> None:
        """Prepare a run; nothing is changed yet.

        Args:
            paths: of the state folder, which is made when missing.
            trust: the trust stores.
            autostart: how this system starts programs at sign-in; None where it cannot.
            options: what the user chose.
            file_manager: how this system's file managers offer to sign; None leaves them alone.

        """
        self._paths = paths
        self._trust = trust
        self._autostart = autostart
        self._options = options
        self._file_manager = file_manager
        self._before = SetupRecord.read(paths.installed)
        self._folders = () if self._before is None else self._before.folders
        self._chosen = None if self._before is None else self._before.autostart
        self._offered = None if self._before is None else self._before.file_manager

    def run(self) -> Sequence[StepResult]:
        """Run every step; write the record as complete if all of them succeeded."""
        steps: dict[str, StepFunction] = {
            "certificate": self._make_certificate,
            "trust": self._make_trusted,
            "autostart": self._set_autostart,
            "file_manager": self._set_file_manager,
        }
        if self._options.repair:
            steps = {"settings": lambda: mend_settings(self._paths), **steps}
        results = run_steps(steps)
        complete = all(result.ok for result in results)
        return [*results, *run_steps({"record": lambda: self._write_record(complete=complete)})]

    def _make_certificate(self) -> Iterator[StepResult]:
        try:
            self._prepare()
            mended = self._options.repair and mend_certificates(self._paths.tls)
            is_shared = choose(self._paths).shared.is_usable
            made = TlsSource(self._paths).ensure()
        except OSError as error:
            path, detail = str(self._paths.state), str(error.strerror or error)
            yield failed("certificate", "certificate_failed", path=path, detail=detail)
            return
        if is_shared:
            yield done("certificate", "certificate_shared")
        elif mended:
            yield done("certificate", "certificate_mended")
        else:
            yield done("certificate", "certificate_made" if made.created else "certificate_kept")

    def _prepare(self) -> None:
        """Make the state folder, and record which folders above it and the autostart entry are new.

        The record is written before the steps make more, so that an interrupted setup can be
        undone.
        """
        wanted = [self._paths.state]
        for entry in (self._autostart, self._file_manager):
            wanted += [folder / "entry" for folder in entry.folders] if entry is not None else []
        new = [str(folder) for folder in missing_above(wanted)]
        self._folders = (*self._folders, *(each for each in new if each not in self._folders))
        self._paths.prepare()
        complete = self._before is not None and self._before.complete
        self._write(complete=complete)

    def _make_trusted(self) -> Iterator[StepResult]:
        if not self._options.trust:
            self._trust.leave_alone()
            is_left = self._options.trust is None
            yield done("trust", "trust_organisations" if is_left else "trust_not_wanted")
            return
        authority = AuthorityFile.load(TlsSource(self._paths).authority())
        self._trust.uninstall(keep=authority.sha256)  # of earlier certificates
        places = self._trust.install(authority)
        needed = [place for place in places if self._trust.is_needed(place)]
        yield from _each_once(map(_store_result, needed))
        if not needed:
            yield done("trust", "trust_no_browser")

    def _set_autostart(self) -> Iterator[StepResult]:
        if self._autostart is None:
            yield done("autostart", "autostart_unknown")
            return
        wanted = self._options.autostart
        if wanted is None:
            wanted = self._wants_autostart(self._autostart)
        self._chosen = wanted
        if wanted:
            self._autostart.turn_on()  # also when it is on: the program may be elsewhere now
        else:
            self._autostart.turn_off()
        yield done("autostart", "autostart_on" if wanted else "autostart_off")

    def _wants_autostart(self, autostart: Autostart) -> bool:
        """Return what holds where the options say nothing of the start at sign-in."""
        if autostart.is_on():
            return True
        if self._options.repair:
            # An entry that is missing was lost; one that says no, or was taken away, is a choice.
            return self._chosen is True and not autostart.is_declined()
        return self._before is None or not self._before.complete

    def _set_file_manager(self) -> Iterator[StepResult]:
        if self._file_manager is None:
            return
        wanted = self._options.file_manager
        if wanted is None:
            wanted = self._offered is not False
        self._offered = wanted
        if wanted:
            self._file_manager.turn_on()  # also when it is on, as above
        else:
            self._file_manager.turn_off()
        yield done("file_manager", "file_manager_on" if wanted else "file_manager_off")

    def _write_record(self, *, complete: bool) -> Iterator[StepResult]:
        if complete:
            self._write(complete=True)
            yield done("record", "record_written")

    def _write(self, *, complete: bool) -> None:
        record = SetupRecord(__version__, complete, self._folders, self._chosen, self._offered)
        record.write(self._paths.installed)


def _each_once(results: Iterable[StepResult]) -> Iterator[StepResult]:
    """Leave out what would be said twice: a browser may have more than one database."""
    said: list[StepResult] = []
    for result in results:
        if result not in said:
            said.append(result)
            yield result


def _store_result(place: Place) -> StepResult:
    store = NAMES.get(place.store, place.store)
    if place.presence is Presence.TRUSTED:
        return done("trust", "trust_installed", store=store)
    if place.presence is Presence.NOT_YET:
        return done("trust", "trust_later", store=store)
    if place.presence in OBSTACLES:
        return failed("trust", "trust_obstacle", store=store, path=place.path)
    if place.presence is Presence.NEEDS_TOOL:
        return failed("trust", "trust_needs_tool", store=store)
    detail = place.detail or str(place.presence)
    return failed("trust", "trust_missing", store=store, detail=detail)
