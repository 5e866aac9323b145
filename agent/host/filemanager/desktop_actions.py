"""Desktops of the XDG kind: three files that file managers read, and nothing that runs in them.

``applications`` gives "Open with" in all of them (Desktop Entry Specification 1.5), the other two
an entry of its own in the menus of Dolphin and Nemo. Their ``%F`` is a list of arguments, and no
shell reads it. Nemo alone puts names into a line that it takes apart again; it is given addresses
(``%U``) in double quotes, in which nothing is left that would mean something there.

Which program opens a PDF by itself stands elsewhere, in ``mimeapps.list``, and stays as it is.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent.files import read_file, replace_file
from agent.host.autostart.xdg import quoted, read_entry, started_by
from agent.host.filemanager import VERB
from agent.host.tls.machine import Machine
from agent.words.desktop import localized

APPLICATION: Final = "applications/ankong-sign.desktop"
SERVICE_MENU: Final = "kio/servicemenus/ankong-sign.desktop"
NEMO_ACTION: Final = "nemo/actions/ankong-sign.nemo_action"
_SYSTEM: Final = "/usr/local/share:/usr/share"  # the default of XDG_DATA_DIRS
_TYPE: Final = "application/pdf;"
_CACHE: Final = "mimeinfo.cache"
_EMPTY_CACHE: Final = b"[MIME Cache]\n"
_OFF: Final = re.compile(r"^(?:Hidden\s*=\s*true|Active\s*=\s*false)\s*$", re.MULTILINE)
_MAX_SIZE: Final = 64 * 1024  # bytes


class DesktopActions:
    """The person's own files; a package may have put some for all users beside them."""

    def __init__(self, command: Sequence[str], machine: Machine) -> None:
        """Start ``command``, by files in the folders that the environment names."""
        self._command = command
        self._machine = machine
        variables = machine.environment
        own = variables.get("XDG_DATA_HOME") or ""
        self._own = Path(own) if Path(own).is_absolute() else machine.home / ".local" / "share"
        folders = (variables.get("XDG_DATA_DIRS") or _SYSTEM).split(":")
        self._packaged = [
            machine.system_path(each) for each in folders if Path(each or ".").is_absolute()
        ]

    @property
    def folders(self) -> Sequence[Path]:
        """The person's own folders of such files."""
        return tuple((self._own / each).parent for each in CONTENTS)

    def is_on(self) -> bool:
        """Return whether file managers offer to sign."""
        return self._content() is not None

    def started(self) -> Sequence[str]:
        """Return the program that is started then, and its arguments; empty where none is."""
        return started_by(self._content() or "")

    def turn_on(self) -> None:
        """Write the person's own files, or delete those that hide a package's."""
        if self._has_packaged():
            self.forget()
            return
        for place, content in CONTENTS.items():
            self._write(place, content(self._command))
        self._tell_desktop()

    def turn_off(self) -> None:
        """Delete the files; where a package has some, hide those."""
        self.forget()
        if self._has_packaged():
            for place, content in CONTENTS.items():
                self._write(place, hidden(content(self._command)))
            self._tell_desktop()

    def forget(self) -> None:
        """Delete the person's own files; a package removes its own."""
        for place in CONTENTS:
            (self._own / place).unlink(missing_ok=True)
        cache = self._own / Path(APPLICATION).parent / _CACHE
        if cache.exists():
            self._tell_desktop()
            with suppress(OSError):
                if read_file(cache, _MAX_SIZE) == _EMPTY_CACHE:
                    cache.unlink()

    def _content(self) -> str | None:
        """Return the file that counts, the person's own first; None where it offers nothing."""
        places = (self._own, *self._packaged)
        contents = (read_entry(folder / APPLICATION) for folder in places)
        content = next((each for each in contents if each is not None), None)
        return None if content is None or _OFF.search(content) else content

    def _has_packaged(self) -> bool:
        return any(read_entry(folder / APPLICATION) is not None for folder in self._packaged)

    def _write(self, place: str, content: str) -> None:
        path = self._own / place
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # KDE's file managers trust a menu of the person's own only where it is a program.
        replace_file(path, content.encode(), mode=0o755 if place == SERVICE_MENU else 0o644)

    def _tell_desktop(self) -> None:
        """Have GNOME's file manager find the file: it reads a list, not the folder."""
        tool = self._machine.find("update-desktop-database")
        if tool is not None:
            self._machine.run([tool, "-q", str(self._own / Path(APPLICATION).parent)])


def application(command: Sequence[str]) -> str:
    """Return the entry for "Open with", which is in no menu of applications."""
    return (
        "[Desktop Entry]\n"
        "Type=Application\n"
        "Version=1.4\n"
        f"{localized('Name', VERB)}"
        f"Exec={_line(command)} %F\n"
        "Icon=ankong\n"
        "Terminal=false\n"
        "StartupNotify=false\n"
        "NoDisplay=true\n"
        f"MimeType={_TYPE}\n"
    )


def service_menu(command: Sequence[str]) -> str:
    """Return the entry in the menu of Dolphin (KIO service menus)."""
    return (
        "[Desktop Entry]\n"
        "Type=Service\n"
        "X-KDE-ServiceTypes=KonqPopupMenu/Plugin\n"
        f"MimeType={_TYPE}\n"
        "Actions=ankongSign;\n"
        "\n"
        "[Desktop Action ankongSign]\n"
        f"{localized('Name', VERB)}"
        "Icon=ankong\n"
        f"Exec={_line(command)} %F\n"
    )


def nemo_action(command: Sequence[str]) -> str:
    """Return the entry in the menu of Nemo (its sample.nemo_action)."""
    return (
        "[Nemo Action]\n"
        "Active=true\n"
        f"{localized('Name', VERB)}"
        f"Exec={_line(command)} %U\n"
        "Icon-Name=ankong\n"
        "Selection=notnone\n"
        f"Mimetypes={_TYPE}\n"
        "Quote=double\n"
    )


def hidden(content: str) -> str:
    """Return a file in whose presence another of its name, further behind, counts no more."""
    if "Active=true" in content:
        return content.replace("Active=true", "Active=false")
    return content.replace("\nType=", "\nHidden=true\nType=", 1)


def _line(command: Sequence[str]) -> str:
    return " ".join(map(quoted, command))


CONTENTS: Final[dict[str, Callable[[Sequence[str]], str]]] = {
    APPLICATION: application,
    SERVICE_MENU: service_menu,
    NEMO_ACTION: nemo_action,
}
"""What stands where, below a folder of data."""
