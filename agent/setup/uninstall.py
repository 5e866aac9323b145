"""Undo the setup of one user, before an uninstaller removes the program's files.

The agent ends first, because it would write some of its files again. The trust stores come before
the files, because one of the files, the manifest, says what was changed in the stores.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from agent.host.autostart import Autostart
from agent.host.filemanager import FileManager
from agent.host.instance.quitting import QUIT_SECONDS, StillRunningError, end_running
from agent.host.machine.paths import Paths
from agent.host.tls.manifest import Manifest
from agent.host.tls.trust import Trust
from agent.setup.folders import remove_empty
from agent.setup.owned_files import StateFolderContents, sort_contents
from agent.setup.record import SetupRecord
from agent.setup.report import StepResult, done, failed, run_steps


class Uninstall:
    """One run of the uninstall."""

    def __init__(  # noqa: PLR0913  # all that was done, and how it is undone
        self,
        paths: Paths,
        trust: Trust,
        autostart: Autostart | None,
        file_manager: FileManager | None = None,
        *,
        forget: bool = False,
        seconds: float = QUIT_SECONDS,
    ) -> None:
        """Prepare a run; nothing is changed yet.

        Args:
            paths: of the state folder.
            trust: the trust stores.
            autostart: how this system starts programs at sign-in; None where it cannot.
            file_manager: how this system's file managers offer to sign; None leaves them alone.
            forget: whether the history and the site decisions are removed too.
            seconds: how long a running agent may take to end.

        """
        self._paths = paths
        self._trust = trust
        self._autostart = autostart
        self._file_manager = file_manager
        self._forget = forget
        self._seconds = seconds
        self._is_manifest_needed = True

    def run(self) -> Sequence[StepResult]:
        """Run every step; repeating it does no harm."""
        return run_steps(
            {
                "agent": self._end_agent,
                "autostart": self._forget_autostart,
                "file_manager": self._forget_file_manager,
                "trust": self._undo_trust,
                "files": self._remove_files,
            }
        )

    def _end_agent(self) -> Iterator[StepResult]:
        was_there = end_running(self._paths, self._seconds)
        yield done("agent", "agent_ended" if was_there else "agent_not_running")

    def _forget_autostart(self) -> Iterator[StepResult]:
        if self._autostart is not None:
            self._autostart.forget()
        yield done("autostart", "autostart_off")

    def _forget_file_manager(self) -> Iterator[StepResult]:
        if self._file_manager is not None:
            self._file_manager.forget()
            yield done("file_manager", "file_manager_off")

    def _undo_trust(self) -> Iterator[StepResult]:
        had_steps = bool(Manifest(self._paths.trust).steps)
        left = self._trust.uninstall()
        for place in left:
            facts = {"store": place.store, "path": place.path, "detail": place.detail}
            yield failed("trust", "trust_left", **facts)
        if not left:
            self._is_manifest_needed = False
            yield done("trust", "trust_removed" if had_steps else "trust_none")

    def _remove_files(self) -> Iterator[StepResult]:
        folder = self._paths.state
        if not folder.exists():
            yield done("files", "files_none")
            return
        made = SetupRecord.read(self._paths.installed)
        try:
            with FileLock(self._paths.lock, timeout=0):
                found = sort_contents(folder)
                left = list(self._remove(found))
        except Timeout as error:
            raise StillRunningError("an agent runs") from error
        yield from left
        if left:
            return
        self._paths.lock.unlink(missing_ok=True)
        if self._is_manifest_needed:
            return  # the uninstall has to be repeated
        self._paths.installed.unlink(missing_ok=True)
        yield from self._remove_state_folder(found)
        remove_empty(() if made is None else made.folders)

    def _remove(self, found: StateFolderContents) -> Iterator[StepResult]:
        """Remove the agent's files but those that later steps need; yield each that stays."""
        kept = {self._paths.lock, self._paths.installed}
        if self._is_manifest_needed:  # else nobody could ever undo the rest
            kept.add(self._paths.trust)
        for path in [*found.files, *(found.records if self._forget else ())]:
            if path not in kept:
                yield from _unlink(path)
        for folder in found.folders:
            with suppress(OSError):  # somebody else's file is in it
                folder.rmdir()

    def _remove_state_folder(self, found: StateFolderContents) -> Iterator[StepResult]:
        """Remove the state folder unless files of others or records stay in it."""
        folder = self._paths.state
        if found.foreign:
            yield done("files", "files_foreign", path=str(folder))
        elif found.records and not self._forget:
            yield done("files", "files_removed_but_records", path=str(folder))
        else:
            _remove_with_link(folder)
            yield done("files", "files_removed")


def _unlink(path: Path) -> Iterator[StepResult]:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        detail = str(error.strerror or error)
        yield failed("files", "files_left", path=str(path), detail=detail)


def _remove_with_link(folder: Path) -> None:
    target = folder.resolve()
    target.rmdir()
    if folder.is_symlink():
        folder.unlink()
