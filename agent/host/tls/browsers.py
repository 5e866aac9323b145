"""The browsers that this user is running, and which of them have a file open.

What is known of when they read their trust stores, tried with Chromium 156 and Firefox 153 on
Linux:

- Chromium opens its NSS database when it first has to judge a certificate, and reads the
  authorities in it then. One that comes later counts in a window that was opened without its
  profile only, in all others after a restart of the browser. A database that it has not opened yet
  is read as it then is, however long the browser has been running.
- Firefox asks its profile's database again for each connection: no restart is needed. Its policy
  files are read when it starts, and at no other time.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.host.machine.processes import ProcessTable, RunningProcess

# By the name of the program's file. Whatever else uses NSS is no browser that pages are opened in.
_NAMES: Final = {
    "brave": "Brave",
    "brave-browser": "Brave",
    "chrome": "Google Chrome",
    "chromium": "Chromium",
    "chromium-browser": "Chromium",
    "msedge": "Microsoft Edge",
    "opera": "Opera",
    "thorium": "Thorium",
    "ungoogled-chromium": "Chromium",
    "vivaldi-bin": "Vivaldi",
    "yandex_browser": "Yandex Browser",
}
_FIREFOX: Final = {
    "firefox": "Firefox",
    "firefox-bin": "Firefox",
    "firefox-esr": "Firefox",
    "librewolf": "LibreWolf",
    "waterfox": "Waterfox",
}
# Chromium's own program is called "chrome" too. /app/extra is where a Flatpak puts what it may not
# hand on itself.
_GOOGLE: Final = re.compile(r"google|^/app/extra/", re.IGNORECASE)
_CHILD: Final = ("--type=", "-contentproc")  # what the processes that a browser starts are told


@dataclass(frozen=True, slots=True)
class RunningBrowser:
    """The main process of a browser.

    Attributes:
        process: it.
        name: what people call the browser.
        is_firefox: whether it is of that kind; of Chromium's otherwise.

    """

    process: RunningProcess
    name: str
    is_firefox: bool


@dataclass(frozen=True, slots=True)
class Browsers:
    """The browsers among the processes of this user."""

    table: ProcessTable = field(default_factory=ProcessTable)

    def among(self, pids: Iterable[int]) -> Iterator[RunningBrowser]:
        """Find the main processes of browsers among those with these numbers."""
        for pid in pids:
            program = Path(self.table.program(pid))
            is_firefox = program.name in _FIREFOX
            name = (_FIREFOX if is_firefox else _NAMES).get(program.name)
            if name is None or self._is_child(pid):
                continue
            process = self.table.read(pid)
            if process is not None:
                rebuilt = program.name == "chrome" and not _GOOGLE.search(str(program))
                yield RunningBrowser(process, "Chromium" if rebuilt else name, is_firefox)

    def _is_child(self, pid: int) -> bool:
        words = " ".join(self.table.arguments(pid)[1:]).split(" ")
        return any(word.startswith(_CHILD) for word in words)

    def readers(self, database: Path) -> list[RunningBrowser]:
        """Return the browsers of Chromium's kind that have read a database file already.

        One that does not tell which files it has open counts as a reader.
        """
        try:
            file = database.stat()
        except OSError:
            return []
        chromium = (each for each in self.among(self.table.pids()) if not each.is_firefox)
        return [
            each for each in chromium if self.table.has_open(each.process.pid, file) is not False
        ]
