"""Desktops of the XDG kind: a desktop file (Desktop Application Autostart Specification 0.5)."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent.files import read_file, replace_file
from agent.host.tls.machine import Machine
from agent.words.desktop import localized

NAME: Final = "ankong.desktop"
_SYSTEM: Final = "/etc/xdg"  # the default of XDG_CONFIG_DIRS
_HIDDEN: Final = re.compile(
    r"^(?:Hidden\s*=\s*true|X-GNOME-Autostart-enabled\s*=\s*false)\s*$", re.MULTILINE
)
_EXEC: Final = re.compile(r"^Exec[ \t]*=[ \t]*(.*)$", re.MULTILINE)
_WORD: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_ESCAPE: Final = re.compile(r"\\(.)")
_FIELD_CODE: Final = re.compile(r"%[a-zA-Z]")
# Desktop Entry Specification 1.5, "The Exec key": what has to stand in double quotes.
_RESERVED: Final = re.compile(r"[\s\"'\\><~|&;$*?#()`%]")
_ESCAPED: Final = re.compile(r"([\"`$\\])")
_MAX_SIZE: Final = 64 * 1024  # bytes


class XdgAutostart:
    """The citizen's own file; a package may have put one for all users beside it."""

    def __init__(self, command: Sequence[str], machine: Machine) -> None:
        """Start ``command``, by files in the folders that the environment names."""
        self._command = command
        variables = machine.environment
        config = _absolute(variables.get("XDG_CONFIG_HOME")) or machine.home / ".config"
        self._own = config / "autostart" / NAME
        folders = (variables.get("XDG_CONFIG_DIRS") or _SYSTEM).split(":")
        self._packaged = [
            machine.system_path(folder) / "autostart" / NAME
            for folder in folders
            if _absolute(folder)
        ]

    @property
    def folders(self) -> Sequence[Path]:
        """The citizen's own folder of such files."""
        return (self._own.parent,)

    def is_on(self) -> bool:
        """Return whether the agent starts when the citizen signs in."""
        return self._content() is not None

    def started(self) -> Sequence[str]:
        """Return the program that is started then, and its arguments; empty where none is."""
        return started_by(self._content() or "")

    def _content(self) -> str | None:
        """Return the file that counts, the citizen's own first; None where it starts nothing."""
        content = read_entry(self._own)
        if content is None:
            content = self._packaged_content()
        return None if content is None or _HIDDEN.search(content) else content

    def is_declined(self) -> bool:
        """Return whether the citizen's own file is there and says no."""
        content = read_entry(self._own)
        return content is not None and bool(_HIDDEN.search(content))

    def turn_on(self) -> None:
        """Write the citizen's own file, or delete the one that hides a package's."""
        if self._has_packaged():
            self._own.unlink(missing_ok=True)
        else:
            self._write(desktop_file(self._command))

    def turn_off(self) -> None:
        """Delete the file; where a package has one, hide that."""
        if self._has_packaged():
            self._write(f"{desktop_file(self._command)}Hidden=true\n")
        else:
            self._own.unlink(missing_ok=True)

    def forget(self) -> None:
        """Delete the citizen's own file; a package removes its own."""
        self._own.unlink(missing_ok=True)

    def _has_packaged(self) -> bool:
        content = self._packaged_content()
        return content is not None and not _HIDDEN.search(content)

    def _packaged_content(self) -> str | None:
        contents = (read_entry(path) for path in self._packaged)
        return next((content for content in contents if content is not None), None)

    def _write(self, content: str) -> None:
        self._own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(self._own, content.encode(), mode=0o644)


def desktop_file(command: Sequence[str]) -> str:
    """Return the desktop file that starts ``command``."""
    words = " ".join(map(quoted, command))
    return (
        "[Desktop Entry]\n"
        "Type=Application\n"
        "Version=1.4\n"
        f"{localized('Name', 'product.name')}"
        f"{localized('Comment', 'product.starts_for')}"
        f"Exec={words}\n"
        "Terminal=false\n"
        "X-GNOME-Autostart-enabled=true\n"
    )


def quoted(word: str) -> str:
    r"""Return one argument, quoted for an Exec key.

    Inside double quotes a backslash stands before four characters; the key is a string value too,
    in which each backslash is written twice; and a percent sign would begin a field code.
    """
    if word and not _RESERVED.search(word):
        return word
    escaped = _ESCAPED.sub(r"\\\1", word).replace("%", "%%")
    return '"' + escaped.replace("\\", "\\\\") + '"'


def started_by(content: str) -> tuple[str, ...]:
    """Return the program that a desktop file starts, and its arguments; empty where none is."""
    line = _EXEC.search(content)
    return () if line is None else unquoted(line[1])


def unquoted(line: str) -> tuple[str, ...]:
    """Return the arguments of an Exec key, the inverse of :func:`quoted`, without field codes."""
    words = []
    for inner, plain in _WORD.findall(_ESCAPE.sub(_in_string, line)):
        word = _ESCAPE.sub(r"\1", inner) if inner else plain
        if not _FIELD_CODE.fullmatch(word):
            words.append(word.replace("%%", "%"))
    return tuple(words)


def _in_string(escape: re.Match[str]) -> str:
    """Undo the escapes of a string value, of which a backslash is the one that we write."""
    return "\\" if escape[1] == "\\" else escape[0]


def _absolute(folder: str | None) -> Path | None:
    return Path(folder) if folder and Path(folder).is_absolute() else None


def read_entry(path: Path) -> str | None:
    """Read a desktop file, of another program's too; None where there is none that can be read."""
    try:
        return read_file(path, _MAX_SIZE, follow_links=True).decode("utf-8", "replace")
    except OSError:
        return None
