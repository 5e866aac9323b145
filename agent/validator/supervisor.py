"""The supervisor: it owns the sockets and the configuration, and sees that workers run.

It judges nothing itself, and loads nothing that judges. A worker that dies is started again, later
each time, with the configuration that was accepted last and not with what the file says by now.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from agent.strict_json import UNREADABLE
from agent.validator.config import (
    DRAIN_S,
    FOLDER_VARIABLE,
    Config,
    ServiceConfigError,
    parse_config,
    read_config,
)
from agent.validator.listening import address_of, close_sockets, open_sockets, remove_sockets
from agent.validator.logs import log_line, place_of
from agent.validator.notify import notify

START_S: Final = 60.0
"""Seconds that a worker has to load what it needs; real lists take some."""
SOUND_S: Final = 60.0
"""A worker that lived so many seconds was sound, and its successor starts at once."""
_FIRST_DELAY: Final = 0.1
_LAST_DELAY: Final = 30.0
_STOP_S: Final = 3.0  # beyond the draining
_MODULE: Final = "agent.validator.worker"


def restart_delay(deaths: int) -> float:
    """Return how many seconds to wait before the start after so many deaths in a row."""
    return min(_FIRST_DELAY * float(1 << min(deaths - 1, 16)), _LAST_DELAY)


def _forget(pid: int | None, folder: str) -> None:
    """Take the gauges of a process away, which would count for ever; its counts stay."""
    Path(folder).mkdir(mode=0o700, exist_ok=True)  # somebody may have tidied up
    if pid is None:
        return
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415  # seldom needed

    mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]


class WorkerSlot:
    """The place of one worker: whatever process serves the sockets there now."""

    def __init__(self, number: int, sockets: Sequence[socket.socket]) -> None:
        """Have one worker after another serve ``sockets``."""
        self.number = number
        self._sockets = sockets
        self._telling = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process that serves, if one does."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self, config: str, environment: dict[str, str]) -> None:
        """Start a process, and wait until it serves.

        Raises:
            ServiceConfigError: it cannot; the text says why where it said so.

        """
        descriptors = [sock.fileno() for sock in self._sockets]
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", _MODULE),
            *(word for number in descriptors for word in ("--fd", str(number))),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=descriptors,
            env=environment,
        )
        said = await self.tell(config)
        if not said.get("ready"):
            self.kill()
            raise ServiceConfigError(said.get("why", "a worker ended before it was ready"))

    async def tell(self, config: str) -> dict[str, Any]:
        """Hand over a configuration; return what the worker says of it.

        Nothing where it is gone, or has nothing to say for a minute, which ends it.
        """
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return {}
        line = b""
        async with self._telling:
            try:
                async with asyncio.timeout(START_S):
                    process.stdin.write(config.encode() + b"\n")
                    await process.stdin.drain()
                    line = await process.stdout.readline()
            except ConnectionError:
                pass  # it has ended
            except TimeoutError:
                self.kill()
        try:
            said = json.loads(line)
        except UNREADABLE:  # it ended, or something else wrote there
            return {}
        return said if isinstance(said, dict) else {}

    async def wait(self) -> int | None:
        """Wait until the process ends; return its status."""
        return None if self._process is None else await self._process.wait()

    def stop(self) -> None:
        """Ask the process to end."""
        if self.pid is not None and self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """End the process."""
        if self.pid is not None and self._process is not None:
            self._process.kill()


class ServiceSupervisor:
    """One service."""

    def __init__(self, path: Path) -> None:
        """Serve by the configuration at ``path``.

        Raises:
            ServiceConfigError: it cannot be used.

        """
        self._path = path
        self._config, self._accepted = self._load()
        self._stop = asyncio.Event()
        self._reload_wanted = asyncio.Event()
        self._slots: list[WorkerSlot] = []
        self._environment: dict[str, str] = {}
        self._is_stopping = False

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; say on standard output when every worker is ready.

        Raises:
            ServiceConfigError: a worker cannot start with this configuration.

        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)
        config = self._config
        sockets = open_sockets(config.listen, config.socket_mode)
        try:
            with tempfile.TemporaryDirectory(prefix="ankong-verify-") as folder:
                self._environment = {**os.environ, FOLDER_VARIABLE: folder}
                self._slots = [WorkerSlot(number, sockets) for number in range(config.workers)]
                async with self._workers(folder) as are_ready:
                    if are_ready:
                        self._announce(sockets)
                        await self._attend()
        finally:
            close_sockets(sockets)
            remove_sockets(config.listen)

    @asynccontextmanager
    async def _workers(self, folder: str) -> AsyncIterator[bool]:
        """Run all workers inside the block; at its end they drain.

        It gives False where somebody asked to stop before they were ready.
        """
        keepers: list[asyncio.Task[None]] = []
        try:
            are_ready = await self._start_all()
            if are_ready:
                keepers = [asyncio.create_task(self._keep(slot, folder)) for slot in self._slots]
            yield are_ready
        finally:
            self._is_stopping = True
            for slot in self._slots:
                slot.stop()
            ends = asyncio.gather(*(slot.wait() for slot in self._slots))
            try:
                await asyncio.wait_for(ends, DRAIN_S + _STOP_S)
            except TimeoutError:
                log_line("killed_workers")
            for slot in self._slots:
                slot.kill()
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def _start_all(self) -> bool:
        """Start every worker; return False, without waiting, where somebody asks to stop."""
        starts = [
            asyncio.create_task(slot.start(self._accepted, self._environment))
            for slot in self._slots
        ]
        stopping = asyncio.create_task(self._stop.wait())
        started = asyncio.gather(*starts, return_exceptions=True)
        try:
            await asyncio.wait((started, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            for start in starts:
                start.cancel()  # which does nothing to one that has ended
        failures = [each for each in await started if each is not None]
        if failures and not self._stop.is_set():
            raise failures[0]
        return not self._stop.is_set()

    async def _keep(self, slot: WorkerSlot, folder: str) -> None:
        """Start a worker again whenever it has ended, later after each death in a row."""
        loop = asyncio.get_running_loop()
        deaths, begun = 0, loop.time()
        while True:
            pid, status = slot.pid, await slot.wait()
            if self._is_stopping:
                return
            deaths = 1 if loop.time() - begun >= SOUND_S else deaths + 1
            delay = restart_delay(deaths)
            log_line("worker_ended", worker=slot.number, pid=pid, status=status, restart_in=delay)
            await asyncio.sleep(delay)
            begun = loop.time()
            try:
                await asyncio.to_thread(_forget, pid, folder)
                await slot.start(self._accepted, self._environment)
            except ServiceConfigError as error:
                log_line("worker_failed", worker=slot.number, why=str(error))
            except Exception as error:  # noqa: BLE001  # nobody else would start it again
                log_line("worker_failed", worker=slot.number, why=place_of(error))
            else:
                log_line("worker_ready", worker=slot.number, pid=slot.pid)

    def _announce(self, sockets: Sequence[socket.socket]) -> None:
        addresses = [address_of(sock) for sock in sockets]
        ready = {"ready": True, "listen": addresses, "pids": [slot.pid for slot in self._slots]}
        if sys.stdout is not None:  # as where a program starts with it closed
            with suppress(OSError):
                sys.stdout.write(json.dumps(ready) + "\n")
                sys.stdout.flush()
        notify("READY=1")

    async def _attend(self) -> None:
        """Reload when asked to, until asked to stop; a stop waits for no reload."""
        reloading = asyncio.create_task(self._reload_when_wanted())
        try:
            await self._stop.wait()
        finally:
            notify("STOPPING=1")
            reloading.cancel()
            await asyncio.gather(reloading, return_exceptions=True)

    async def _reload_when_wanted(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()  # one reload answers all signals that came before it
            notify("RELOADING=1")
            try:
                await self._reload()
            except ServiceConfigError as error:
                log_line("reload_refused", why=str(error))
            except Exception as error:  # noqa: BLE001  # it would be the last reload of all
                log_line("reload_refused", why=place_of(error))
            else:
                log_line("reloaded")
            notify("READY=1")

    def _load(self) -> tuple[Config, str]:
        """Return the configuration, and as a line for workers.

        Raises:
            ServiceConfigError: it cannot be used.

        """
        folder = self._path.absolute().parent
        text = read_config(self._path)
        config = parse_config(text, folder)
        return config, json.dumps({"text": text, "folder": str(folder)})

    async def _reload(self) -> None:
        """Have all workers take what the file says now; the first one tries it for the others.

        Raises:
            ServiceConfigError: it cannot be used; nothing has changed.

        """
        config, accepted = await asyncio.to_thread(self._load)
        old = self._config
        if (config.listen, config.workers) != (old.listen, old.workers):
            raise ServiceConfigError("listen and workers change with a restart only")
        is_tried = False
        for slot in self._slots:
            said = await slot.tell(accepted) if slot.pid is not None else {}
            if said.get("reloaded"):
                is_tried, self._accepted = True, accepted
            elif is_tried:
                slot.stop()  # its successor starts with what the others have
            elif said:
                raise ServiceConfigError(said.get("why", "a worker refused it"))
        if not is_tried:
            raise ServiceConfigError("no worker runs that could try it")
