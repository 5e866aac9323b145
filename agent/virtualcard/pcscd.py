"""A private pcscd with two virtual readers, for tests, the demo and people without a reader.

The PC/SC daemon's socket path is compiled in, so a second daemon needs a trick. Two are known, the
cleaner one is taken where the system allows it:

* a user and mount namespace, in which ``/run`` is ours. Works for ordinary users, leaves the
  system's daemon and its files alone, and cannot grab real USB readers;
* a socket handed over as systemd does. Needs root (or an existing, writable ``/run/pcscd``), and
  is for containers without user namespaces.

The readers are vsmartcard's vpcd: a card is inserted by connecting to a reader's TCP port
(:mod:`agent.virtualcard.vpcd`). vpcd listens on all interfaces, not on loopback only: whoever
reaches the port can put a card in. A private daemon is for development and tests.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from agent.errors import ServiceUnavailableError

Way = Literal["namespace", "handed-socket"]

INSTALL_HINT = "apt-get install -y pcscd vsmartcard-vpcd util-linux"
"""The command that brings all this module starts, on Debian and Ubuntu."""

_DRIVER_PATTERN = "pcsc/drivers/serial/libifdvpcd.so"
_DRIVER_ROOTS = ("/usr/lib", "/usr/local/lib", "/usr/lib64")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PORTS = range(20000, 32000)  # below Linux's range for outgoing connections
_PORT_ATTEMPTS = 20
_LONGEST_NAME = 100  # bytes UTF-8; pcscd's are 127, with two numbers after it
_READY_TIMEOUT = 10.0  # seconds; 20 milliseconds are usual
_STOP_TIMEOUT = 5.0  # seconds between asking and killing
_POLL = 0.005  # seconds between two looks at a daemon that starts
_READY_TEXT = b"daemon ready"
_PORT_TAKEN_TEXT = b"Address already in use"

# Standard input is the life line. It ends when the process that holds the other end does, however
# that happens, and the watcher then stops the daemon and removes its directory; a line on it means
# "already stopped, leave everybody alone". $$ stays the daemon's process id through exec.
_WATCH = (
    "exec 9<&0 </dev/null && "
    '{ (exec 3<&-; read -r line <&9 || { kill $$; sleep 1; rm -rf "$1"; }) >/dev/null 2>&1 & } && '
    "exec 9<&- && "
)
_PRIVATE_RUN = (
    "mount -t tmpfs tmpfs /run && mkdir /run/pcscd && "
    'mount --bind "$1/run" /run/pcscd && mount --bind "$1/empty" /usr/lib/pcsc/drivers && '
)
# Standard output is the listening socket; systemd's protocol wants it as descriptor 3.
_HANDED_SOCKET = "exec 3<&1 1>&2 && export LISTEN_FDS=1 LISTEN_PID=$$ && "
_DAEMON = 'shift && exec "$@"'


def _find_program(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_SYSTEM_PATH}")
    if path is None:
        raise ServiceUnavailableError(f"{name} is not installed; try: {INSTALL_HINT}")
    return path


def _find_driver() -> Path:
    for root in _DRIVER_ROOTS:
        for pattern in (_DRIVER_PATTERN, f"*/{_DRIVER_PATTERN}"):
            for path in sorted(Path(root).glob(pattern)):
                return path
    raise ServiceUnavailableError(f"the vpcd driver is not installed; try: {INSTALL_HINT}")


def _run(*command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - fixed programs, see _find_program
        command, capture_output=True, check=False, timeout=_READY_TIMEOUT
    )


def _knows_disable_polkit(pcscd: str) -> bool:
    """Return whether pcscd knows ``--disable-polkit``: Debian 13's needs it, 12's refuses it."""
    return b"--disable-polkit" in _run(pcscd, "--help").stdout


def _namespaces_work() -> bool:
    """Return whether this user may make user and mount namespaces; containers often forbid it."""
    mount = "mount -t tmpfs tmpfs /run"
    return _run(_find_program("unshare"), "-rm", "/bin/sh", "-c", mount).returncode == 0


def _may_use_run() -> bool:
    directory = Path("/run/pcscd")
    return os.access(directory if directory.is_dir() else directory.parent, os.W_OK | os.X_OK)


def _choose_way() -> Way:
    if _namespaces_work():
        return "namespace"
    if _may_use_run():
        return "handed-socket"
    raise ServiceUnavailableError(
        "a private pcscd needs root or user namespaces; "
        "try: sysctl -w kernel.unprivileged_userns_clone=1"
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def _pick_ports() -> tuple[int, int]:
    """Return the first of two neighbouring free ports; the driver takes the second by itself."""
    while True:
        port = secrets.choice(_PORTS)
        if _is_free(port) and _is_free(port + 1):
            return port, port + 1


class _PortTakenError(Exception):
    """Another program took one of the ports after they were chosen."""


class PrivatePcscd:
    """One private daemon; a context manager that starts and stops it.

    The readers are called ``NAME 00 00`` and ``NAME 00 01``. A program uses this daemon if it was
    started with :meth:`environment`: the PC/SC library reads it once, before its first call. The
    daemon also ends when this process does, even if it is killed.
    """

    def __init__(self, name: str = "Ankong Test Reader", *, way: Way | None = None) -> None:
        """Prepare, without starting anything.

        Args:
            name: of both readers, printable and without quotes, 1 to 100 bytes as UTF-8.
            way: how to keep the daemon private; by default the cleanest that works here.

        """
        if not name.isprintable() or '"' in name or not 0 < len(name.encode()) <= _LONGEST_NAME:
            raise ValueError(f"a reader's name is printable, 1 to {_LONGEST_NAME} bytes")
        self._name = name
        self._way = way
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ports = (0, 0)

    @property
    def readers(self) -> tuple[str, str]:
        """The names of the two readers, in the order of :attr:`ports`."""
        return f"{self._name} 00 00", f"{self._name} 00 01"

    @property
    def ports(self) -> tuple[int, int]:
        """The two readers' TCP ports: a virtual card connects to one of them."""
        return self._ports

    @property
    def process_id(self) -> int | None:
        """The daemon's process id while it runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process is not None else None

    def environment(self) -> dict[str, str]:
        """Return what a client's environment needs in addition, to find this daemon."""
        return {"PCSCLITE_CSOCK_NAME": str(self._path / "run" / "pcscd.comm")}

    def log(self) -> str:
        """Return the daemon's log so far; it has no command bytes."""
        return (self._path / "log").read_text("utf-8", "replace")

    def start(self) -> None:
        """Start the daemon and return when clients may connect.

        Raises:
            ServiceUnavailableError: something is not installed, or this system allows neither way.

        """
        if self._directory is not None:
            raise RuntimeError("already started")
        # A socket's path has 107 bytes at most: not a place below a test's long directory.
        self._directory = tempfile.TemporaryDirectory(prefix="ankong-pcscd-")
        try:
            self._way = self._way or _choose_way()
            self._prepare()
            self._launch_on_free_ports()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the daemon and remove its files; may be called twice."""
        self.halt()
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    def halt(self, *, kill: bool = False) -> None:
        """End the daemon but keep its folder and ports, for :meth:`restart`.

        Args:
            kill: end it without giving it a chance to clean up, as in a crash.

        """
        if self._process is not None:
            _end(self._process, signal.SIGKILL if kill else signal.SIGTERM)
            self._process = None

    def restart(self) -> None:
        """Start the daemon again with the same folder and ports.

        Raises:
            ServiceUnavailableError: as :meth:`start`, or another program took a port meanwhile.

        """
        self.halt()
        try:
            self._launch()
        except _PortTakenError as error:
            raise ServiceUnavailableError("another program took a reader's port") from error

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _path(self) -> Path:
        if self._directory is None:
            raise RuntimeError("not started")
        return Path(self._directory.name)

    def _prepare(self) -> None:
        for name in ("run", "conf", "empty"):
            (self._path / name).mkdir()
        # A copy, because the namespace hides the directory that the driver lives in.
        shutil.copyfile(_find_driver(), self._path / "vpcd.so")

    def _launch_on_free_ports(self) -> None:
        for _ in range(_PORT_ATTEMPTS):
            self._ports = _pick_ports()
            self._write_reader_configuration()
            try:
                self._launch()
            except _PortTakenError:
                self.halt()
            else:
                return
        raise ServiceUnavailableError("no two neighbouring free ports for the virtual readers")

    def _write_reader_configuration(self) -> None:
        channel = f"0x{self._ports[0]:04X}"
        # another way: in a folder that was made just now, for us only
        (self._path / "conf" / "vpcd").write_text(
            f'FRIENDLYNAME "{self._name}"\n'
            f"DEVICENAME /dev/null:{channel}\n"  # /dev/null: listen, instead of connecting
            f"LIBPATH {self._path}/vpcd.so\n"
            f"CHANNELID {channel}\n",
            encoding="utf-8",
        )

    def _launch(self) -> None:
        (self._path / "run" / "pcscd.comm").unlink(missing_ok=True)
        daemon = [_find_program("pcscd"), "--foreground", "--info", "-c", f"{self._path}/conf"]
        if _knows_disable_polkit(daemon[0]):
            daemon.append("--disable-polkit")
        if self._way == "namespace":
            self._spawn([_find_program("unshare"), "-rm"], _PRIVATE_RUN, daemon)
        else:
            with self._listen() as listener:
                self._spawn([], _HANDED_SOCKET, daemon, listener)
        self._await_ready()

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.environment()["PCSCLITE_CSOCK_NAME"])
        listener.listen()
        return listener

    def _spawn(
        self,
        wrapper: list[str],
        preparation: str,
        daemon: list[str],
        listener: socket.socket | None = None,
    ) -> None:
        script = _WATCH + preparation + _DAEMON
        # another way: another program writes it, in the same folder
        with (self._path / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - fixed programs, see _find_program
                [*wrapper, "/bin/sh", "-c", script, "sh", str(self._path), *daemon],
                stdin=subprocess.PIPE,
                stdout=log if listener is None else listener.fileno(),
                stderr=log,
            )

    def _is_listening(self) -> bool:
        """Return whether the socket accepts: the daemon says that it is ready before it listens."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.environment()["PCSCLITE_CSOCK_NAME"]) == 0

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _READY_TIMEOUT
        while time.monotonic() < deadline:
            said = (self._path / "log").read_bytes()
            if _PORT_TAKEN_TEXT in said:
                raise _PortTakenError
            if _READY_TEXT in said and self._is_listening():
                return
            if self.process_id is None:
                break
            time.sleep(_POLL)
        raise ServiceUnavailableError(f"pcscd did not start: {self.log()[-2000:]}")


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    process.send_signal(how)
    try:
        process.wait(_STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(b"stopped\n")
            process.stdin.close()
