"""Install the program: copy it beside its place first, then rename it, so that it is complete.

Whatever an earlier attempt has left is mended by the next one: a copy that is not complete is
thrown away, and a program that was moved aside and not replaced comes back.
"""

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.files import replace_file
from agent.host.autostart.xdg import quoted
from agent.setup.folders import missing_above, remove_empty
from agent.words.desktop import localized
from wizard.errors import CancelledError, WizardError, explained
from wizard.install_paths import ICON_SIZES, InstallPaths

SPARE = 16 * 1024 * 1024  # bytes that have to stay free, for the agent's own files
_CHUNK = 1024 * 1024  # bytes
_MAX_RECORD = 1024 * 1024  # bytes

Told = Callable[[float], None]
"""Told how much is done, 0 to 1."""

_REMOVER = """\
#!/bin/sh
exec {executable} --wizard --uninstall "$@"
"""
_MENU_ENTRY = """\
[Desktop Entry]
Type=Application
Version=1.4
{name}{comment}Exec={executable} tray --panel
Icon=ankong
Terminal=false
Categories=System;Security;
"""
_REMOVAL_ENTRY = """\
[Desktop Entry]
Type=Application
Version=1.4
{name}{comment}Exec={executable} --wizard --uninstall
Icon=ankong
Terminal=false
Categories=Settings;
"""


@dataclass(frozen=True)
class InstallationRecord:
    """The files and folders of an installation.

    Attributes:
        version: of the program.
        files: outside the program's own folder.
        folders: that the installation made.

    """

    version: str
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


def installed(paths: InstallPaths) -> InstallationRecord | None:
    """Return the record of the installation; None where there is none of ours."""
    try:
        with paths.record.open("rb") as file:
            content = json.loads(file.read(_MAX_RECORD))
        version, files, folders = (content[name] for name in ("version", "files", "folders"))
        texts = [version, *files, *folders]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not all(isinstance(text, str) for text in texts):
        return None
    return InstallationRecord(version, tuple(files), tuple(folders))


def is_older(version: str, other: str) -> bool:
    """Return whether ``version`` came before ``other``."""
    return _numbers(version) < _numbers(other)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


class Installation:
    """One attempt to install."""

    def __init__(self, source: Path, version: str, paths: InstallPaths, icons: Path) -> None:
        """Prepare an installation.

        Args:
            source: folder of the program.
            version: of it.
            paths: the folders to install into.
            icons: folder of the pictures, one for each of ``ICON_SIZES``.

        """
        self._source = source
        self._version = version
        self._paths = paths
        self._icons = icons
        self._made: list[str] = []

    def run(self, told: Told, cancelled: threading.Event) -> None:
        """Install, or replace what is installed.

        Raises:
            WizardError: it failed; the earlier installation is unchanged.
            CancelledError: ``cancelled`` was set in time; the earlier installation is unchanged.

        """
        paths = self._paths
        with explained(paths.program):
            self._mend()
            before = installed(paths)
            self._note_missing()
            try:
                self._copy(told, cancelled)
                self._write_record(before)
                self._swap()
            except BaseException:
                self._clean_up()
                raise
            self._write_around()
            shutil.rmtree(paths.replaced, ignore_errors=True)

    def _mend(self) -> None:
        paths = self._paths
        if paths.staging.exists():
            shutil.rmtree(paths.staging)
        if not paths.replaced.exists():
            return
        if paths.program.exists():
            shutil.rmtree(paths.replaced)
        else:
            paths.replaced.rename(paths.program)

    def _note_missing(self) -> None:
        """Record the folders that this installation makes."""
        paths = self._paths
        wanted = [paths.program, *(path.parent / "file" for path in self._around())]
        self._made = [str(folder) for folder in missing_above(wanted)]

    def _around(self) -> Iterator[Path]:
        """Return the files outside the program's folder."""
        paths = self._paths
        yield from (paths.command, paths.removal_command)
        yield from (paths.menu_entry, paths.removal_entry)
        yield from map(paths.icon, ICON_SIZES)

    def _copy(self, told: Told, cancelled: threading.Event) -> None:
        files = [path for path in sorted(self._source.rglob("*")) if not path.is_dir()]
        total = sum(path.stat().st_size for path in files if not path.is_symlink())
        self._paths.staging.mkdir(parents=True)  # first: what is read-only has no space either
        self._check_space(total)
        copied = 0
        for path in files:
            target = self._paths.staging / path.relative_to(self._source)
            target.parent.mkdir(parents=True, exist_ok=True)
            for size in _copy_file(path, target):
                copied += size
                told(copied / total)
                if cancelled.is_set():
                    raise CancelledError

    def _check_space(self, size: int) -> None:
        folder = self._paths.staging
        free = shutil.disk_usage(folder).free
        if free < size + SPARE:
            needed, there = (f"{count / 1e6:.0f}" for count in (size + SPARE, free))
            raise WizardError("no_space", path=folder.parent, needed=needed, free=there)

    def _write_record(self, before: InstallationRecord | None) -> None:
        files = [str(path) for path in self._around() if self._may_write(path, before)]
        folders = list(dict.fromkeys((*(before.folders if before else ()), *self._made)))
        content = {"version": self._version, "files": files, "folders": folders}
        path = self._paths.staging / self._paths.record.name
        # another way: in a folder that nobody uses before it is renamed
        path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")
        script = self._paths.staging / "ankong-uninstall"
        # another way: likewise
        script.write_text(_REMOVER.format(executable=_shell_quoted(self._paths.executable)))
        script.chmod(0o755)

    @staticmethod
    def _may_write(path: Path, before: InstallationRecord | None) -> bool:
        """Return whether a file may be written: files of others are kept."""
        is_ours = before is not None and str(path) in before.files
        return is_ours or not (path.exists() or path.is_symlink())

    def _swap(self) -> None:
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
        remove_empty(self._made)

    def _write_around(self) -> None:
        paths = self._paths
        record = installed(paths)
        ours = set(record.files) if record else set()
        executable = quoted(str(paths.executable))
        texts = {
            paths.menu_entry: _MENU_ENTRY.format(
                executable=executable,
                name=localized("Name", "product.name"),
                comment=localized("Comment", "product.panel"),
            ),
            paths.removal_entry: _REMOVAL_ENTRY.format(
                executable=executable,
                name=localized("Name", "product.remove"),
                comment=localized("Comment", "product.remove_text"),
            ),
        }
        links = {paths.command: paths.executable}
        links[paths.removal_command] = paths.program / "ankong-uninstall"
        for path in (each for each in self._around() if str(each) in ours):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path in links:
                path.unlink(missing_ok=True)
                path.symlink_to(links[path])
            elif path in texts:
                replace_file(path, texts[path].encode(), mode=0o644)
        for size in ICON_SIZES:
            if str(paths.icon(size)) in ours:
                picture = (self._icons / f"ankong-{size}.png").read_bytes()
                replace_file(paths.icon(size), picture, mode=0o644)


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


def _shell_quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"


def remove(paths: InstallPaths) -> None:
    """Remove the files of :class:`Installation`, and nothing else.

    Raises:
        WizardError: something could not be removed.

    """
    record = installed(paths)
    files, folders = (record.files, record.folders) if record else ((), ())
    with explained(paths.program):
        for name in files:
            Path(name).unlink(missing_ok=True)
        for folder in (paths.staging, paths.replaced, paths.program):
            if folder.exists():
                shutil.rmtree(folder)
    remove_empty(folders)
