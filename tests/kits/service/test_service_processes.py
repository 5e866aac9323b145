"""The command: workers that die, signals, sockets, and what systemd is told."""

import asyncio
import errno
import io
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.validator import supervisor as supervisor_module
from agent.validator.__main__ import main
from agent.validator.config import ServiceConfigError
from agent.validator.notify import notify
from agent.validator.supervisor import ServiceSupervisor, restart_delay
from tests.kits.service.service_support import (
    FOUND,
    Command,
    answer_of,
    command,
    config_of,
    config_text,
    exchange,
    get,
    login_of,
    post,
    service,
)

GOOD = post("login/verify", login_of())


@asynccontextmanager
async def serving(folder: Path, **parts: Any) -> AsyncIterator[tuple[Command, Path]]:
    file = folder / "verify.toml"
    file.write_text(config_text(**{"more": "workers = 1", **parts}))
    async with command(file) as found:
        yield found, file


async def pid_of_ready(found: Command) -> int:
    line = await found.said("worker_ready")
    pid: int = line["pid"]
    return pid


async def test_a_worker_that_is_killed_is_started_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as (found, file):
        (first,) = found.ready["pids"]
        file.write_text("a config that went bad meanwhile")
        os.kill(first, signal.SIGKILL)
        ended = await found.said("worker_ended")
        assert (ended["pid"], ended["status"], ended["restart_in"]) == (first, -9, 0.1)
        second = await pid_of_ready(found)
        assert second != first
        assert (await exchange(found.address(), GOOD))[1]["verdict"] == "accepted"
        descriptor = os.pidfd_open(second)
        try:  # no worker outlives its supervisor
            found.process.kill()
            gone = asyncio.Event()
            asyncio.get_running_loop().add_reader(descriptor, gone.set)
            await gone.wait()
            asyncio.get_running_loop().remove_reader(descriptor)
        finally:
            os.close(descriptor)


def test_restarts_come_later_and_later_but_never_stop() -> None:
    delays = [restart_delay(deaths) for deaths in range(1, 40)]
    assert delays == sorted(delays)
    assert (delays[0], delays[3], delays[-1]) == (0.1, 0.8, 30.0)
    assert restart_delay(10**6) == 30.0


async def test_two_workers_share_sockets_and_add_up_their_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "socket"
    listen = json.dumps([f"unix:{path}", "127.0.0.1:0"])
    async with serving(tmp_path, listen=listen, more="workers = 2") as (found, file):
        unix, tcp = found.ready["listen"]
        assert unix == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        asked = [exchange(address, GOOD) for address in (tcp, unix) * 4]
        assert [(await one)[1]["verdict"] for one in asked] == ["accepted"] * 8
        shown = [await text_of(tcp, "/metrics") for _ in range(4)]  # of either worker
        total = 'ankong_verify_total{code="accepted",kind="login"} 8.0'
        assert all(total in text for text in shown)
        check = ["check", "--config", str(file)]
        assert await asyncio.to_thread(main, check) == 0
        with pytest.raises(ServiceConfigError, match="somebody listens"):
            await ServiceSupervisor(file).run()
        file.write_text(config_text(listen=json.dumps(tcp)))
        with pytest.raises(ServiceConfigError, match="in use"):
            await ServiceSupervisor(file).run()
        file.write_text(config_text(listen=listen))
    assert not path.exists()
    assert await asyncio.to_thread(main, check) == 1
    assert f"unix:{path}: FileNotFoundError" in capsys.readouterr().err


async def text_of(address: str, path: str) -> str:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(get(path).replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    text = (await reader.read()).decode()
    writer.close()
    return text


async def test_what_cannot_start_says_why_and_leaves_no_process(tmp_path: Path) -> None:
    file = tmp_path / "verify.toml"
    file.write_text(config_text(origins=["https://portal.example/"], more="workers = 1"))
    with pytest.raises(ServiceConfigError, match="ends in a slash"):
        await ServiceSupervisor(file).run()


async def begun(found: Command) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    """Send the head of a request, and wait until the service asks for its body."""
    host, _, port = found.address().rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    request = post("login/verify", login_of(), Expect="100-continue")
    head, _, body = request.partition(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    return reader, writer, body


async def test_sigterm_lets_requests_end_and_says_at_once_that_it_is_not_ready(
    tmp_path: Path,
) -> None:
    trust = {**FOUND["trust"], "crls": ["root.crl"]}
    async with serving(tmp_path, trust=trust) as (found, _):
        reader, writer, body = await begun(found)
        found.process.terminate()
        while (
            "about to stop"
            not in (ready := await exchange(found.address(), get("/readyz")))[1]["missing"][0]
        ):
            pass  # the signal has not arrived
        assert ready[0] == 503
        assert ready[1]["missing"][1].startswith("no fresh list of C=TW")
        writer.write(body)
        assert await answer_of(reader) == (
            200,
            {"verdict": "refused", "code": "revocation_unknown"},
        )
        writer.close()
        assert await found.ended() == 0
        assert "killed_workers" not in {line["event"] for line in found.lines}


async def test_sighup_takes_a_good_config_and_keeps_the_old_one_before_a_bad(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as (found, file):
        bad = {
            "nonsense": "key/value",
            config_text(origins=["https://portal.example/"], more="workers = 1"): "slash",
            config_text(listen='"127.0.0.1:1"', more="workers = 1"): "restart",
        }
        for text, why in bad.items():
            file.write_text(text)
            found.process.send_signal(signal.SIGHUP)
            assert why in (await found.said("reload_refused"))["why"]
            assert (await exchange(found.address(), GOOD))[1]["verdict"] == "accepted"
        reader, writer, body = await begun(found)
        file.write_text(config_text(origins=["https://other.example"], more="workers = 1"))
        found.process.send_signal(signal.SIGHUP)
        await found.said("reloaded")
        writer.write(body)
        assert (await answer_of(reader))[1]["verdict"] == "accepted"  # it began before
        writer.close()
        refused = {"verdict": "refused", "code": "origin_mismatch"}
        assert (await exchange(found.address(), GOOD))[1] == refused
        os.kill(found.ready["pids"][0], signal.SIGKILL)
        await pid_of_ready(found)
        assert (await exchange(found.address(), GOOD))[1] == refused


async def test_a_stop_waits_for_no_reload(
    supervisor: ServiceSupervisor,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    begun, going_on = asyncio.Event(), asyncio.Semaphore(0)
    reloads = 0

    async def reload() -> None:
        nonlocal reloads
        reloads += 1
        begun.set()
        await going_on.acquire()
        if reloads == 1:
            raise RuntimeError("a fault of ours")

    monkeypatch.setattr(supervisor, "_reload", reload)
    attending = asyncio.create_task(supervisor._attend())
    for _ in range(3):
        for _ in range(100):
            supervisor._reload_wanted.set()  # also once more since the file was read
        await begun.wait()
        begun.clear()
        going_on.release()
    supervisor._reload_wanted.set()
    await begun.wait()
    assert reloads == 4
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["event"] for line in said] == ["reload_refused", "reloaded", "reloaded"]
    assert said[0]["why"].startswith("RuntimeError at test_service_processes.py")
    supervisor._stop.set()  # while the last one has not ended
    await attending


class FakeSlot:
    """A worker that ends at once, and whose start does what a test wants."""

    number = 0
    pid = 4

    def __init__(self, *starts: Exception | None) -> None:
        self.starts = list(starts)
        self.is_waiting = asyncio.Event()

    async def wait(self) -> int:
        return 1

    async def start(self, _config: str, _environment: dict[str, str]) -> None:
        if not self.starts:
            self.is_waiting.set()
            await asyncio.Event().wait()
        if (failure := self.starts.pop(0)) is not None:
            raise failure


@pytest.fixture
def supervisor(tmp_path: Path) -> ServiceSupervisor:
    file = tmp_path / "verify.toml"
    file.write_text(config_text())
    return ServiceSupervisor(file)


async def test_whatever_fails_at_a_start_is_not_the_last_start(
    supervisor: ServiceSupervisor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(supervisor_module, "restart_delay", lambda _: 0.0)
    slot: Any = FakeSlot(ServiceConfigError("bad"), OSError(), RuntimeError("of ours"), None)
    figures = tmp_path / "figures"  # which somebody has tidied away
    keeping = asyncio.create_task(supervisor._keep(slot, str(figures)))
    await slot.is_waiting.wait()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    failed = [line["why"] for line in said if line["event"] == "worker_failed"]
    assert failed[0] == "bad"
    assert [why.partition(" ")[0] for why in failed[1:]] == ["OSError", "RuntimeError"]
    assert figures.is_dir()


async def test_a_stop_waits_for_no_start(supervisor: ServiceSupervisor) -> None:
    slots: list[Any] = [FakeSlot(None), FakeSlot()]
    supervisor._slots = slots
    starting = asyncio.create_task(supervisor._start_all())
    await slots[1].is_waiting.wait()
    supervisor._stop.set()
    assert await starting is False


class FullLog(io.StringIO):
    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("log", [FullLog(), None], ids=["full", "closed"])
async def test_a_log_that_cannot_be_written_stops_nobody(
    log: FullLog | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", log)
    async with service() as found:
        assert (await found.ask("login/verify", login_of()))[1]["verdict"] == "accepted"


@contextmanager
def listening_for_states(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        sock.settimeout(60)
        yield sock


async def test_systemd_is_told(tmp_path: Path) -> None:
    file, name = tmp_path / "verify.toml", str(tmp_path / "notify")
    file.write_text(config_text(more="workers = 1"))
    with listening_for_states(name) as sock:
        async with command(file, NOTIFY_SOCKET=name) as found:
            assert await asyncio.to_thread(sock.recv, 100) == b"READY=1"
            found.process.send_signal(signal.SIGHUP)
            assert await asyncio.to_thread(sock.recv, 100) == b"RELOADING=1"
            assert await asyncio.to_thread(sock.recv, 100) == b"READY=1"
        assert await asyncio.to_thread(sock.recv, 100) == b"STOPPING=1"


def test_systemd_is_told_at_an_abstract_address(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"ankong-test-{os.getpid()}"
    with listening_for_states(f"\0{name}") as sock:
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("READY=1")
        assert sock.recv(100) == b"READY=1"
    notify("READY=1")  # nobody listens any more


async def test_check_names_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trust = {**FOUND["trust"], "crls": ["root.crl"]}
    async with service(config_of(trust=trust)) as found:
        file = tmp_path / "verify.toml"
        file.write_text(config_text(listen=f'"127.0.0.1:{found.port}"'))
        assert await asyncio.to_thread(main, ["check", "--config", str(file)]) == 1
    assert "not ready: no fresh list of C=TW" in capsys.readouterr().err
