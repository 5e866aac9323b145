"""``ankong quit``: ends the agent of this folder, and no other program whatever a file says."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from agent import periodic
from agent.cli import run
from agent.host.instance import quitting
from agent.host.instance.quitting import StillRunningError, end_running, is_running
from agent.host.instance.running import Instance
from agent.host.machine import windows_objects
from agent.host.machine.paths import Paths
from agent.periodic import PeriodicChecks

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.choose(tmp_path / "state")


@contextmanager
def an_agent(paths: Paths, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run a real agent until the context ends."""
    command = [sys.executable, "-m", "agent", "serve", "--provider", "virtual"]
    command += ["--port", "0", "--hipki-port", "0", "--state-dir", str(paths.state), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["ready"] is True
            yield process
        finally:
            process.kill()


@contextmanager
def stubborn(paths: Paths) -> Iterator[Instance]:
    """Hold the folder as an agent does that hangs."""
    paths.prepare()
    with Instance(paths) as instance:
        yield instance


def command(paths: Paths) -> int:
    return run(["quit", "--state-dir", str(paths.state)])


def test_a_running_agent_ends_by_itself(paths: Paths) -> None:
    with an_agent(paths) as process:
        assert is_running(paths)
        assert command(paths) == 0
        assert not is_running(paths)
        assert process.wait(60) == 0
    assert not paths.instance.exists()
    assert not paths.quit_request.exists()


def test_where_none_runs_all_is_well_and_nothing_is_made(paths: Paths) -> None:
    assert command(paths) == 0
    assert not paths.state.exists()


def test_an_agent_that_was_killed_is_none(paths: Paths) -> None:
    with an_agent(paths) as process:
        process.kill()
        process.wait(60)
    assert paths.instance.exists()  # which still names a process
    assert end_running(paths) is False


def test_no_process_is_ended_because_a_file_names_it(paths: Paths) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        try:
            with stubborn(paths) as instance:
                instance._paths.instance.write_text(json.dumps({"pid": bystander.pid}))
                with pytest.raises(StillRunningError, match=str(bystander.pid)):
                    end_running(paths, seconds=0.3)
            assert bystander.poll() is None
        finally:
            bystander.kill()


@pytest.mark.parametrize(
    "content", ["", "null", "[]", '{"pid": "1"}', '{"pid": -1}', '{"pid": 1e99}', "[" * 5000]
)
def test_whatever_the_file_says_the_agent_is_asked(paths: Paths, content: str) -> None:
    with stubborn(paths):
        paths.instance.write_text(content)
        with pytest.raises(StillRunningError):
            end_running(paths, seconds=0.2)


def test_an_agent_that_hangs_is_told_of_and_left_alone(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quitting.end_running, "__defaults__", (0.3,))
    with stubborn(paths):
        assert command(paths) == 1
    told = capsys.readouterr().err
    assert str(os.getpid()) in told
    assert "did not end" in told
    assert not paths.quit_request.exists()


def test_the_agent_of_another_folder_goes_on(tmp_path: Path) -> None:
    other = Paths.choose(tmp_path / "other")
    with stubborn(other):
        assert end_running(Paths.choose(tmp_path / "mine")) is False
        assert is_running(other)
        assert not other.quit_request.exists()


def test_an_old_request_does_not_end_a_new_agent(paths: Paths) -> None:
    paths.prepare()
    paths.quit_request.touch()
    with an_agent(paths) as process:
        assert not paths.quit_request.exists()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2 * periodic.INTERVAL)


def test_an_agent_that_is_just_starting_is_asked_again(paths: Paths) -> None:
    with stubborn(paths) as instance:
        asking = threading.Thread(target=end_running, args=(paths,))
        asking.start()
        for _ in range(3):  # as a start takes old requests away
            while not paths.quit_request.exists():
                assert asking.is_alive()
            with suppress(FileNotFoundError):
                paths.quit_request.unlink()
        instance.__exit__(None, None, None)
        asking.join(60)
        assert not asking.is_alive()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_a_folder_that_is_no_folder_is_an_error(paths: Paths) -> None:
    paths.prepare()
    paths.lock.mkdir()
    assert command(paths) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX links")
def test_a_folder_behind_a_link_is_the_same_folder(tmp_path: Path, paths: Paths) -> None:
    paths.prepare()
    (tmp_path / "link").symlink_to(paths.state)
    with an_agent(paths) as process:
        assert end_running(Paths.choose(tmp_path / "link")) is True
        assert process.wait(60) == 0


def test_who_asks_and_is_killed_leaves_a_request_that_still_counts(paths: Paths) -> None:
    """The agent ends; what is left of the request goes with it or with the next start."""
    with an_agent(paths) as process:
        paths.quit_request.touch()
        assert process.wait(60) == 0
    with Instance(paths):
        assert not paths.quit_request.exists()


async def test_a_folder_named_like_the_request_is_none(tmp_path: Path) -> None:
    (tmp_path / "request").mkdir()
    called = threading.Event()
    waiting = asyncio.create_task(
        quitting.until_asked(tmp_path / "request", called.set, PeriodicChecks(0.01))
    )
    await asyncio.sleep(0.1)
    assert not called.is_set()
    (tmp_path / "request").rmdir()
    (tmp_path / "request").touch()
    await asyncio.wait_for(waiting, 60)
    assert called.is_set()


def test_signals_still_end_it_too(paths: Paths) -> None:
    with an_agent(paths) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


class FakeFunction:
    """One function of a library."""

    def __init__(self, answer: int) -> None:
        self.answer = answer
        self.calls: list[tuple[object, ...]] = []

    def __call__(self, *arguments: object) -> int:
        self.calls.append(arguments)
        return self.answer


class FakeKernel:
    def __init__(self, handle: int = 7) -> None:
        self.CreateMutexW = FakeFunction(handle)
        self.OpenProcess = FakeFunction(handle)
        self.WaitForSingleObject = FakeFunction(0)
        self.CloseHandle = FakeFunction(1)


def test_the_mutex_is_held_once_and_never_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    monkeypatch.setattr(windows_objects, "_held", held)
    kernel = FakeKernel()
    windows_objects.hold_mutex(kernel)
    windows_objects.hold_mutex(kernel)
    assert kernel.CreateMutexW.calls == [(None, 0, r"Local\AnkongRunning")]
    assert held == [7]
    assert kernel.CloseHandle.calls == []


def test_without_the_mutex_the_agent_runs_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows_objects, "_held", [])
    windows_objects.hold_mutex(FakeKernel(handle=0))


def test_a_process_is_waited_for_and_its_handle_closed() -> None:
    kernel = FakeKernel()
    windows_objects.wait_for_process(4711, 1.5, kernel)
    assert kernel.OpenProcess.calls == [(0x00100000, 0, 4711)]
    assert kernel.WaitForSingleObject.calls == [(7, 1500)]
    assert kernel.CloseHandle.calls == [(7,)]


def test_a_process_that_is_gone_is_not_waited_for() -> None:
    kernel = FakeKernel(handle=0)
    windows_objects.wait_for_process(4711, 1.5, kernel)
    assert kernel.WaitForSingleObject.calls == []
