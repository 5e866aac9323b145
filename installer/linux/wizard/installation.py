"""Install and remove the program's files.

The program is copied to a folder beside its place and then renamed, so that it is never there in
part. The next installation repairs what an interrupted one has left: an incomplete copy is
deleted, and a program that was renamed but not replaced gets its name back.
"""

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import msgspec

from agent.setup.folders import missing_above, remove_empty
from wizard.damage import OutsideFiles, is_of_program
from wizard.errors import CancelledError, WizardError, translated_os_errors
from wizard.install_paths import InstallPaths
from wizard.outside_files import outside_files, put, take_away, where_it_stops

SPARE = 16 * 1024 * 1024  # bytes that have to stay free, for the agent's own files
_CHUNK = 1024 * 1024  # bytes
_MAX_RECORD = 1024 * 1024  # bytes

ReportProgress = Callable[[float], None]
"""Called with the part that is done, 0 to 1."""

_REMOVER = """\
#!/bin/sh
exec {executable} --wizard --uninstall "$@"
"""


class InstallationRecord(msgspec.Struct, frozen=True):
    """The files and folders of an installation, kept as JSON in the program's folder.

    Attributes:
        version: the program's version.
        files: paths of the files outside the program's own folder.
        folders: paths of the folders that the installation made.

    """

    version: str
    files: tuple[str, ...]
    folders: tuple[str, ...]


def read_record(paths: InstallPaths) -> InstallationRecord | None:
    """Return the record of the installation; None where there is none that can be read."""
    try:
        with paths.record.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_RECORD), type=InstallationRecord)
    except (OSError, ValueError, RecursionError):
        return None


def is_older(version: str, other: str) -> bool:
    """Return whether ``version`` came before ``other``."""
    return _numbers(version) < _numbers(other)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


class ProgramInstaller:
    """Installs the program once."""

    def __init__(self, source: Path, version: str, paths: InstallPaths) -> None:
        """Prepare an installation.

        Args:
            source: folder of the program.
            version: the program's version.
            paths: the folders to install into.

        """
        self._source = source
        self._version = version
        self._paths = paths
        self._outside: OutsideFiles = {}
        self._new_folders: list[str] = []

    def run(self, report: ReportProgress, cancelled: threading.Event) -> None:
        """Install, or replace what is installed.

        Args:
            report: called while files are copied.
            cancelled: set by another thread to stop the copying.

        Raises:
            WizardError: it failed; the earlier installation is unchanged.
            CancelledError: ``cancelled`` was set in time; the earlier installation is unchanged.

        """
        paths = self._paths
        with translated_os_errors(paths.program):
            self._repair()
            before = read_record(paths)
            self._choose_outside_files(before)
            self._find_new_folders()
            try:
                self._copy(report, cancelled)
                self._write_record(before)
                self._rename_copy()
            except BaseException:
                self._clean_up()
                raise
            self._write_outside_files()
            self._remove_outdated(before)
            shutil.rmtree(paths.replaced, ignore_errors=True)

    def _repair(self) -> None:
        """Repair what an interrupted installation has left."""
        paths = self._paths
        if paths.staging.exists():
            _delete(paths.staging)
        if not paths.replaced.exists():
            return
        if paths.program.exists():
            _delete(paths.replaced)
        else:
            paths.replaced.rename(paths.program)

    def _choose_outside_files(self, before: InstallationRecord | None) -> None:
        """Choose what will be written outside the program's folder, while nothing is changed.

        Raises:
            OSError: something cannot be written that the program does not work without.

        """
        for path, content in outside_files(self._source, self._paths).items():
            if self._is_anothers(path, content, before):
                continue
            obstacle = where_it_stops(path)
            is_there = before is not None and str(path) in before.files and os.path.lexists(path)
            if obstacle is None or (is_there and self._paths.is_help(path)):
                self._outside = {**self._outside, path: content}
            elif not self._paths.is_help(path):
                raise obstacle

    def _is_anothers(
        self, path: Path, content: bytes | Path, before: InstallationRecord | None
    ) -> bool:
        """Return whether a file has to stay as it is, because another program made it."""
        if not os.path.lexists(path):
            return False
        if path.is_dir() and not path.is_symlink():
            return True
        if before is not None and str(path) in before.files:
            return False
        if self._paths.is_help(path) and (before is not None or not self._paths.program.exists()):
            return True  # of the user's own making, with ``ankong completion``
        return not is_of_program(self._paths, path, content)

    def _find_new_folders(self) -> None:
        """Find the folders that this installation will make."""
        wanted = [self._paths.program, *(path.parent / "file" for path in self._outside)]
        self._new_folders = [str(folder) for folder in missing_above(wanted)]

    def _copy(self, report: ReportProgress, cancelled: threading.Event) -> None:
        files = [path for path in sorted(self._source.rglob("*")) if not path.is_dir()]
        total = sum(path.stat().st_size for path in files if not path.is_symlink())
        self._paths.staging.mkdir(parents=True)  # first: a read-only disk is another error
        self._check_space(total)
        copied = 0
        for path in files:
            target = self._paths.staging / path.relative_to(self._source)
            target.parent.mkdir(parents=True, exist_ok=True)
            for size in _copy_file(path, target):
                copied += size
                report(copied / total)
                if cancelled.is_set():
                    raise CancelledError

    def _check_space(self, size: int) -> None:
        folder = self._paths.staging
        free = shutil.disk_usage(folder).free
        if free < size + SPARE:
            needed, available = (f"{count / 1e6:.0f}" for count in (size + SPARE, free))
            raise WizardError("no_space", path=folder.parent, needed=needed, free=available)

    def _write_record(self, before: InstallationRecord | None) -> None:
        files = tuple(map(str, self._outside))
        folders = dict.fromkeys((*(before.folders if before else ()), *self._new_folders))
        record = InstallationRecord(self._version, files, tuple(folders))
        path = self._paths.staging / self._paths.record.name
        # another way: in a folder that nobody uses before it is renamed
        path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
        script = self._paths.staging / self._paths.removal_script.name
        # another way: likewise
        script.write_text(_REMOVER.format(executable=_shell_quoted(self._paths.executable)))
        script.chmod(0o755)

    def _rename_copy(self) -> None:
        """Give the complete copy the name of the program's folder."""
        paths = self._paths
        if not paths.program.exists():
            paths.staging.rename(paths.program)
            return
        paths.program.rename(paths.replaced)
        try:
            paths.staging.rename(paths.program)
        except OSError:
            paths.replaced.rename(paths.program)
            raise

    def _clean_up(self) -> None:
        shutil.rmtree(self._paths.staging, ignore_errors=True)
        remove_empty(self._new_folders)

    def _write_outside_files(self) -> None:
        for path, content in self._outside.items():
            with suppress(OSError) if self._paths.is_help(path) else nullcontext():
                put(path, content)

    def _remove_outdated(self, before: InstallationRecord | None) -> None:
        """Remove what the last version had outside its folder, and this one has not."""
        for name in before.files if before else ():
            if Path(name) not in self._outside:
                with suppress(OSError):
                    take_away(Path(name))


def _copy_file(source: Path, target: Path) -> Iterator[int]:
    """Copy a file in pieces; yield the number of bytes of each."""
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    # another way: likewise, and piece by piece
    with source.open("rb") as reading, target.open("wb") as writing:
        while piece := reading.read(_CHUNK):
            writing.write(piece)
            yield len(piece)
    shutil.copymode(source, target)


def _delete(path: Path) -> None:
    """Delete a folder with all that is in it, or a file that is in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _shell_quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"


def remove(source: Path, paths: InstallPaths) -> None:
    """Remove what :class:`ProgramInstaller` installed, and nothing else.

    Args:
        source: folder of the program, by whose files ours are known where the record was lost.
        paths: of the installation.

    Raises:
        WizardError: something could not be removed.

    """
    record = read_record(paths)
    files, folders = (record.files, record.folders) if record else ((), ())
    with translated_os_errors(paths.program):
        if record is None:
            outside = outside_files(source, paths)
            files = tuple(
                str(each) for each in outside if is_of_program(paths, each, outside[each])
            )
        for name in files:
            take_away(Path(name))
        for folder in (paths.staging, paths.replaced, paths.program):
            if folder.exists():
                _delete(folder)
    remove_empty(folders)
