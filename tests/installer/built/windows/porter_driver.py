"""Inside Wine: a service, an agent and a browser's part, and what became of each.

Prints one JSON text. Arguments: port of HTTP, port of HTTPS, the agent's folder, its card.
"""

import ctypes
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ctypes import byref, c_int, c_uint32, c_void_p, c_wchar_p
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
ROOT = HERE.parents[4]
sys.path.insert(0, str(ROOT))

from agent.commands.porter import SERVICE  # noqa: E402  # the path is known now
from agent.host.porter.porter_wire import PIPE  # noqa: E402  # likewise
from agent.host.porter.registering import (  # noqa: E402  # likewise
    NoPorterError,
    ports_of_porter,
    usual_place,
)
from agent.host.porter.windows_rights import WindowsRights  # noqa: E402  # likewise

SECONDS = 60.0
ALL = 0xF003F  # SC_MANAGER_ALL_ACCESS
ALL_OF_SERVICE = 0xF01FF
STOPPED, RUNNING, STOP = 1, 4, 1


class Services:
    """Windows' services: winsvc.h."""

    def __init__(self) -> None:
        self.library = ctypes.WinDLL("advapi32", use_last_error=True)  # type: ignore[attr-defined]
        for call in ("OpenSCManagerW", "CreateServiceW"):
            getattr(self.library, call).restype = c_void_p
        self.library.CreateServiceW.argtypes = [
            *(c_void_p, c_wchar_p, c_wchar_p, c_uint32, c_uint32, c_uint32, c_uint32, c_wchar_p),
            *(c_void_p, c_void_p, c_void_p, c_wchar_p, c_wchar_p),
        ]
        self.manager = c_void_p(self.library.OpenSCManagerW(None, None, ALL))

    @contextmanager
    def service(self, command: str) -> Iterator[c_void_p]:
        made = self.library.CreateServiceW(
            *(self.manager, SERVICE, SERVICE, ALL_OF_SERVICE, 0x10, 3, 1, command),
            *(None, None, None, None, None),
        )
        assert made, ctypes.get_last_error()  # type: ignore[attr-defined]
        service = c_void_p(made)
        try:
            yield service
        finally:
            self.library.DeleteService(service)

    def start(self, service: c_void_p) -> None:
        assert self.library.StartServiceW(service, 0, None)
        until(lambda: self.status(service)[0] == RUNNING)

    def stop(self, service: c_void_p) -> int:
        status = (c_uint32 * 7)()
        assert self.library.ControlService(service, STOP, byref(status))
        until(lambda: self.status(service)[0] == STOPPED)
        return self.status(service)[1]

    def status(self, service: c_void_p) -> tuple[int, int, int]:
        """Return state, exit status and process (SERVICE_STATUS_PROCESS)."""
        status, size = (c_uint32 * 9)(), c_uint32()
        done = self.library.QueryServiceStatusEx(service, c_int(0), status, 36, byref(size))
        assert done, ctypes.get_last_error()  # type: ignore[attr-defined]
        return status[1], status[3], status[7]


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, holds
        time.sleep(0.02)


def crash(process: int) -> str:
    """Kill the porter, which Wine never sees; return what an agent hears of it."""
    place = usual_place()
    assert place is not None
    registered = place.register()
    registered.ready()
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel32.OpenProcess.restype = c_void_p
    handle = c_void_p(kernel32.OpenProcess(1, 0, process))  # PROCESS_TERMINATE
    assert kernel32.TerminateProcess(handle, 9)
    kernel32.CloseHandle(handle)
    heard = registered.next()
    registered.close()
    return repr(heard)


def ask(port: int) -> str:
    """Ask as a browser does; return the first line and the end, nothing where nobody answers."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), SECONDS) as browser:
        head = f"GET /v1/ping HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
        browser.sendall(head.encode())
        found = b""
        while piece := browser.recv(65536):
            found += piece
        return found.decode()
    return ""


def status_of(port: int) -> int:
    answer = ask(port).split(" ", 2)
    return int(answer[1]) if len(answer) > 1 else 0


def strangers() -> dict[str, Any]:
    """Knock as nobody does, and see that the porter still answers afterwards."""
    place = usual_place()
    assert place is not None
    silent = [place.register() for _ in range(12)]
    for packet in (b"", b"\x15", b"x" * 100_000):
        hostile = place.register()
        with suppress(OSError):
            hostile._pipe.send(packet)  # type: ignore[attr-defined]  # that of Windows
        is_dropped = hostile.next() is None
        assert is_dropped, packet[:8]
        hostile.close()
    for each in silent:
        each.close()
    return {"ports": sorted(ports_of_porter())}


def squat() -> str:
    """Make a pipe of the porter's name, as any program can, and see who takes it for ours."""
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel32.CreateNamedPipeW.restype = c_void_p
    kernel32.CloseHandle.argtypes = [c_void_p]
    pipe = kernel32.CreateNamedPipeW(PIPE, 3, 4, 255, 64, 64, 0, None)
    place = usual_place()
    assert place is not None
    assert place.is_there()
    try:
        place.register().close()
    except NoPorterError as error:
        return str(error)
    finally:
        kernel32.CloseHandle(pipe)
    return "it was taken for a porter"


@contextmanager
def agent(port: int, tls: int, folder: Path, card: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [
        *(sys.executable, str(HERE), "serve", "--state-dir", str(folder)),
        *(f"--virtual-card={card}", "--consent", "allow"),
        *("--hipki-port", str(port), "--port", str(tls)),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(SECONDS)


def record(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads((folder / "instance.json").read_text("utf-8"))
        return found
    return {}


def main(port: int, tls: int, folder: Path, card: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"squatter": squat()}
    services = Services()
    command = f'"{sys.executable}" "{HERE.with_name("porter_as_service.py")}"'
    with services.service(f"{command} --port {port} --tls-port {tls}") as service:
        services.start(service)
        until(lambda: ports_of_porter() == {port, tls})
        until(lambda: status_of(port))
        found["nobody"] = ask(port)
        found["strangers"] = strangers()
        with agent(port, tls, folder, card) as first:
            until(lambda: record(folder).get("porter"))
            found["porter"] = record(folder)["porter"]
            until(lambda: status_of(port) == 200)
            found["served"] = [status_of(port) for _ in range(20)]
            found["processes"] = len({services.status(service)[2], first.pid})
            found["exit"] = services.stop(service)
            until(lambda: not record(folder)["porter"])
            until(lambda: status_of(port) == 200)  # the agent has the port itself now
            services.start(service)
            until(lambda: record(folder)["porter"])
            until(lambda: status_of(port) == 200)
            found["again"] = record(folder)["porter"]
        found["killed"] = status_of(port)
        found["crash"] = crash(services.status(service)[2])
    rights = WindowsRights()
    found["rights before"] = len(rights.held())
    rights.give_up()
    found["rights"] = sorted(rights.held())
    return found


def serve() -> int:
    """Run an agent that any process of its user may put a socket into, on a Wine with one user.

    An agent shuts all others out but the system, which is what the porter runs as on Windows.
    """
    from agent.cli import run
    from agent.host.machine import memory

    memory.shut_others_out = lambda: None
    return run(sys.argv[1:])


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        sys.exit(serve())
    answer = main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
