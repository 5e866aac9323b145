"""The system's own log on each system: where events go.

Journal: systemd's native protocol (JOURNAL_NATIVE_PROTOCOL), one datagram for each event, sent
without waiting. Windows: ReportEventW. macOS: syslog(3).
"""

import socket
import sys
from collections.abc import Mapping
from typing import Any, Final, Protocol

from agent.host.events import IDENTIFIER, SOURCE_NAME, Severity, SystemEvent

JOURNAL: Final = "/run/systemd/journal/socket"
# winnt.h; a wrong PIN is no fault of the program.
_WINDOWS_TYPES: Final = {Severity.ERROR: 1, Severity.WARNING: 2}
_WINDOWS_INFORMATION: Final = 4


class EventSink(Protocol):
    """Where events go; one thread at a time uses it."""

    def write(self, event: SystemEvent, fields: Mapping[str, str]) -> None:
        """Write one down; may block.

        Args:
            event: which.
            fields: values by their names, one line each.

        Raises:
            OSError: it cannot be written.

        """

    def close(self) -> None:
        """Let go of the log."""


def event_line(event: SystemEvent, fields: Mapping[str, str]) -> str:
    """Return an event as one line: its name, its sentence, and what else is told."""
    told = "".join(f" {name}={value}" for name, value in fields.items())
    return f"{event.name}: {event.text}{told}"


class JournalSink:
    """The journal of systemd."""

    def __init__(self, place: str = JOURNAL) -> None:
        """Make the socket; nothing is sent yet.

        Args:
            place: path of the journal's socket.

        Raises:
            OSError: there are no more sockets.

        """
        self._place = place
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def write(self, event: SystemEvent, fields: Mapping[str, str]) -> None:
        """Send one datagram.

        Raises:
            OSError: nobody listens there, or the journal does not keep up.

        """
        entries = {
            "MESSAGE": event_line(event, fields),
            "MESSAGE_ID": event.message_id,
            "PRIORITY": str(event.severity.value),
            "SYSLOG_IDENTIFIER": IDENTIFIER,
            "ANKONG_ID": str(event.number),
            "ANKONG_EVENT": event.name,
            **{f"ANKONG_{name.upper()}": value for name, value in fields.items()},
        }
        datagram = "".join(f"{name}={value}\n" for name, value in entries.items())
        self._socket.sendto(datagram.encode("utf-8", "replace"), self._place)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class WindowsSink:
    """The log Application of Windows."""

    def __init__(self, library: Any) -> None:
        """Register as a source.

        Args:
            library: advapi32, loaded by ctypes, or a double of it.

        Raises:
            OSError: the service of the log does not answer.

        """
        import ctypes  # noqa: PLC0415  # Windows only

        self._library = library
        self._texts = ctypes.c_wchar_p * 1
        self._handle_type = ctypes.c_void_p
        library.RegisterEventSourceW.restype = ctypes.c_void_p
        self._handle = library.RegisterEventSourceW(None, SOURCE_NAME)
        if not self._handle:
            raise OSError("RegisterEventSourceW failed")

    def write(self, event: SystemEvent, fields: Mapping[str, str]) -> None:
        """Report one event.

        Raises:
            OSError: Windows does not take it.

        """
        kind = _WINDOWS_TYPES.get(event.severity, _WINDOWS_INFORMATION)
        texts = self._texts(event_line(event, fields))
        handle = self._handle_type(self._handle)
        if not self._library.ReportEventW(
            handle, kind, 0, event.number, None, len(texts), 0, texts, None
        ):
            raise OSError("ReportEventW failed")

    def close(self) -> None:
        """Give the handle back."""
        self._library.DeregisterEventSource(self._handle_type(self._handle))


class SyslogSink:
    """syslog(3), which is what macOS offers to a program without its own bindings."""

    def __init__(self, syslog: Any) -> None:
        """Open the log.

        Args:
            syslog: the module of that name, or a double of it.

        """
        self._syslog = syslog
        syslog.openlog(IDENTIFIER, syslog.LOG_PID, syslog.LOG_USER)

    def write(self, event: SystemEvent, fields: Mapping[str, str]) -> None:
        """Write one line."""
        self._syslog.syslog(event.severity.value, event_line(event, fields))

    def close(self) -> None:
        """Close the log."""
        self._syslog.closelog()


def open_sink() -> EventSink:
    """Open the log of this system.

    Raises:
        OSError: there is none, or it does not answer.

    """
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415  # Windows only

        return WindowsSink(ctypes.WinDLL("advapi32", winmode=0x800))  # of System32, nowhere else
    if sys.platform == "darwin":
        import syslog  # noqa: PLC0415  # not on Windows

        return SyslogSink(syslog)
    return JournalSink(JOURNAL)
