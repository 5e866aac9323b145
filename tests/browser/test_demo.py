"""make demo: it plays the upgrade, names its pictures, and leaves nothing."""

import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.portal.demo.children import Children, DemoError
from agent.portal.demo.terminal import boxed

pytestmark = pytest.mark.browser
DEMO = [sys.executable, "-m", "agent.portal.demo.play"]
STAFF = ("staff-clerk.json", "staff-reviewer.json")
ALL = os.environ.get("ANKONG_TEST_LOOKS") == "all"
LIMIT = 110.0  # seconds in which a program that goes on has something to say
STEPS = (*range(5), "5-7", 8, 8, 8, 9, 10, 10, 11, 11, 12, 12)


@pytest.mark.timeout(900)  # it may be slow: each step has its own limit
@pytest.mark.parametrize(
    "generation",
    [pytest.param("1", marks=pytest.mark.skipif(not ALL, reason="make proof runs it")), "2"],
)
def test_the_check_makes_a_gold_member(
    needs_chromium: None, generation: str, tmp_path: Path
) -> None:
    del needs_chromium
    command = [*DEMO, "--check", "--generation", generation, "--shots", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as demo:
        try:
            told = _read_until(demo, "step 0 open the portal")  # at once, not at the end
            assert demo.poll() is None
            told += _read_until(demo, None)
        except BaseException:
            demo.terminate()
            raise
    assert demo.returncode == 0
    *lines, named, last = told.strip().splitlines()
    steps = [line.split()[2] for line in lines if line.startswith("· step ")]
    assert steps == [*map(str, STEPS), "the", "the"]
    assert re.fullmatch(r"upgrade ok: gold member 王測試 in \d+\.\d s", last)
    assert named == f"screenshots: {tmp_path}"
    shown = {path.name[3:9] for path in tmp_path.glob("*.png")}
    steps = {f"step{number:02}" for number in (1, 2, 3, 4, 5, 8, 10, 11, 12)}
    assert steps <= shown


def test_a_stopped_demo_leaves_no_process(needs_chromium: None, tmp_path: Path) -> None:
    del needs_chromium
    assert _run_until_shown(tmp_path, signal.SIGINT) == 0


def test_a_killed_demo_leaves_no_process(needs_chromium: None, tmp_path: Path) -> None:
    del needs_chromium
    assert _run_until_shown(tmp_path, signal.SIGKILL) == -signal.SIGKILL


@pytest.mark.pcsc
def test_before_real_readers_a_person_is_told_how_a_staff_card_comes_in(tmp_path: Path) -> None:
    with _for_a_person("--state-dir", str(tmp_path), "--provider", "pcsc") as demo:
        try:
            shown = _read_until(demo, "└")
            told = [line.strip("│ ") for line in shown.splitlines() if "--vpcd" in line]
            assert str(tmp_path / "card.json") not in shown  # moving it pulls no card here
            assert [path for path in STAFF if str(tmp_path / path) not in "".join(told)] == []
            with subprocess.Popen(shlex.split(told[0]), stdout=subprocess.PIPE) as card:
                try:
                    assert '"ready":true' in _read_until(card, "\n").replace(" ", "")
                finally:
                    card.terminate()
        finally:
            demo.terminate()


def _for_a_person(*arguments: str) -> subprocess.Popen[bytes]:
    """Start the demo for a person without a display."""
    environment = {k: v for k, v in os.environ.items() if k not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    return subprocess.Popen([*DEMO, *arguments], stdout=subprocess.PIPE, env=environment)


def _run_until_shown(state: Path, end: signal.Signals) -> int:
    """Start the demo, end it when it has told everything, and see all its children go."""
    demo = _for_a_person("--state-dir", str(state))
    assert demo.stdout is not None
    with demo, demo.stdout:
        try:
            shown = _read_until(demo, "└")
            assert "246813" in shown
            assert str(state / "card.json") in shown
            children = _descendants(demo.pid)
            assert len(children) >= 5  # guard, identity service, operator, portal, agent
        finally:
            demo.send_signal(end)
        status = demo.wait(20)
    deadline = time.monotonic() + 20
    while any(_is_alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in children if _is_alive(pid)]
    return status


def _read_until(demo: subprocess.Popen[bytes], mark: str | None) -> str:
    """Read what the demo prints until it has printed ``mark``, or to its end for None."""
    assert demo.stdout is not None
    shown = b""
    while mark is None or mark.encode() not in shown:
        ready, _, _ = select.select([demo.stdout], [], [], LIMIT)
        assert ready, f"the demo says no more: {shown!r}"
        more = os.read(demo.stdout.fileno(), 65536)
        if mark is None and not more:
            break
        assert more, f"the demo ended: {shown!r}"
        shown += more
    return shown.decode("utf-8", "replace")


def _descendants(pid: int) -> set[int]:
    children = {int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    return children.union(*(_descendants(child) for child in children))


def _is_alive(pid: int) -> bool:
    """Tell a running process from one that is gone, or only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_that_is_never_ready_is_an_error_with_its_output(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        fails = children.start("fails", [sys.executable, "-c", "raise SystemExit('no card')"])
        with pytest.raises(DemoError, match="no card"):
            fails.wait_ready(10)
        chatter = "import time; print('{}', flush=True); time.sleep(60)"
        silent = children.start("silent", [sys.executable, "-c", chatter])
        with pytest.raises(DemoError, match="not ready"):
            silent.wait_ready(0.5)


def test_the_box_is_straight_although_chinese_is_wide() -> None:
    assert boxed(["王測試", "ab"]) == ["┌────────┐", "│ 王測試 │", "│ ab     │", "└────────┘"]
