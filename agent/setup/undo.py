"""What every uninstaller has done before it removes the program's files; in this order.

The agent ends first, for it would make some of its files again. The trust stores come before the
files, for one of them says what was changed there.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from agent.host.autostart import Autostart
from agent.host.instance.quitting import QUIT_SECONDS, StillRunningError, end_running
from agent.host.machine.paths import Paths
from agent.host.tls.manifest import Manifest
from agent.host.tls.trust import Trust
from agent.setup import belongings, record
from agent.setup.belongings import Found
from agent.setup.report import Step, carry_out, done, failed


class Undoing:
    """One run of it."""

    def __init__(
        self,
        paths: Paths,
        trust: Trust,
        autostart: Autostart | None,
        *,
        forget: bool = False,
        seconds: float = QUIT_SECONDS,
    ) -> None:
        """Take what there is.

        Args:
            paths: the agent's folder.
            trust: the trust stores.
            autostart: this system's way; None where there is none.
            forget: whether history and sites go too.
            seconds: how long a running agent may take to end.

        """
        self._paths = paths
        self._trust = trust
        self._autostart = autostart
        self._forget = forget
        self._seconds = seconds
        self._is_manifest_needed = True

    def run(self) -> Sequence[Step]:
        """Undo it all; undoing twice does no harm."""
        return carry_out(
            {
                "agent": self._end_agent,
                "autostart": self._forget_autostart,
                "trust": self._undo_trust,
                "files": self._remove_files,
            }
        )

    def _end_agent(self) -> Iterator[Step]:
        was_there = end_running(self._paths, self._seconds)
        yield done("agent", "agent_ended" if was_there else "agent_not_running")

    def _forget_autostart(self) -> Iterator[Step]:
        if self._autostart is not None:
            self._autostart.forget()
        yield done("autostart", "autostart_off")

    def _undo_trust(self) -> Iterator[Step]:
        had_steps = bool(Manifest(self._paths.trust).steps)
        left = self._trust.uninstall()
        for place in left:
            facts = {"store": place.store, "path": place.path, "detail": place.detail}
            yield failed("trust", "trust_left", **facts)
        if not left:
            self._is_manifest_needed = False
            yield done("trust", "trust_removed" if had_steps else "trust_none")

    def _remove_files(self) -> Iterator[Step]:
        folder = self._paths.state
        if not folder.exists():
            yield done("files", "files_none")
            return
        made = record.read(self._paths.installed)
        try:
            with FileLock(self._paths.lock, timeout=0):
                found = belongings.look(folder)
                left = list(self._remove(found))
        except Timeout as error:
            raise StillRunningError("an agent runs") from error
        yield from left
        if left:
            return
        self._paths.lock.unlink(missing_ok=True)
        if self._is_manifest_needed:
            return  # it is all to be done again
        self._paths.installed.unlink(missing_ok=True)
        yield from self._close(found)
        belongings.remove_empty(() if made is None else made.folders)

    def _remove(self, found: Found) -> Iterator[Step]:
        """Remove what is to go, but for what is needed to the end; say what could not be."""
        kept = {self._paths.lock, self._paths.installed}
        if self._is_manifest_needed:  # else nobody could ever undo the rest
            kept.add(self._paths.trust)
        for path in [*found.files, *(found.records if self._forget else ())]:
            if path not in kept:
                yield from _unlinked(path)
        for folder in found.folders:
            with suppress(OSError):  # somebody else's file is in it
                folder.rmdir()

    def _close(self, found: Found) -> Iterator[Step]:
        """Remove the folder if nothing is left in it."""
        folder = self._paths.state
        if found.foreign:
            yield done("files", "files_foreign", path=str(folder))
        elif found.records and not self._forget:
            yield done("files", "files_removed_but_records", path=str(folder))
        else:
            _remove_folder(folder)
            yield done("files", "files_removed")


def _unlinked(path: Path) -> Iterator[Step]:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        detail = str(error.strerror or error)
        yield failed("files", "files_left", path=str(path), detail=detail)


def _remove_folder(folder: Path) -> None:
    target = folder.resolve()
    target.rmdir()
    if folder.is_symlink():
        folder.unlink()
