"""Asking for newer versions: rarely, telling nothing, and only where somebody said whom."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.update import check_update
from agent.host.machine.paths import Paths
from agent.host.settings import config
from agent.host.settings.config import ConfigError, Settings
from agent.host.settings.policy import Policy
from agent.host.settings.preferences import Preferences
from agent.host.update import memory, status, watch
from agent.host.update.manifest import BadManifestError
from agent.host.update.memory import UpdateMemory
from agent.host.update.status import TooOldError, UpdateChecking, VersionAge
from agent.host.update.watch import AGAIN, DAY, FIRST, JITTER, UpdateWatch
from agent.words import Language
from tests.unit.host.update_support import NOW, OTHER_KEY, public, signed

URL = "https://updates.example/ankong.manifest"
SETTINGS = Settings(update_url=URL, update_keys=(public(),))


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths.choose(tmp_path / "state")
    found.prepare()
    return found


@dataclass
class World:
    """A clock, a server and an agent."""

    paths: Paths
    settings: Settings = SETTINGS
    now: datetime = NOW
    answer: bytes | Exception = b""
    asked: list[str] = field(default_factory=list)
    chance: float = 0.5

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def agent(self) -> UpdateWatch:
        return UpdateWatch(
            self.paths.update,
            self.settings,
            Preferences(self.paths.preferences),
            fetch=self.fetch,
            clock=lambda: self.now,
            chance=lambda: self.chance,
        )


@pytest.fixture
def world(paths: Paths) -> World:
    return World(paths)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # nobody announces it
            await asyncio.sleep(0.005)


async def test_a_newer_version_is_heard_of_and_remembered(world: World) -> None:
    world.answer = signed()
    agent = world.agent()
    assert agent.status.age is VersionAge.UNKNOWN
    assert await agent.ask()
    assert (agent.status.age, agent.status.newest) == (VersionAge.NEWER, "9.2.0")
    assert agent.status.answered == NOW
    agent.check_version()
    assert world.agent().status == agent.status
    assert world.asked == [URL]


async def test_the_newest_is_the_newest(world: World) -> None:
    world.answer = signed(newest="0.1.0")
    agent = world.agent()
    await agent.ask()
    assert agent.status.age is VersionAge.NEWEST


async def test_below_the_floor_nobody_signs(world: World) -> None:
    world.answer = signed(floor="9.0.0", reason={"en": "There is a flaw."})
    agent = world.agent()
    await agent.ask()
    assert agent.status.age is VersionAge.TOO_OLD
    assert agent.status.reason == {"en": "There is a flaw."}
    for each in (agent, world.agent()):
        with pytest.raises(TooOldError, match=r"9\.0\.0"):
            each.check_version()


async def test_what_was_heard_counts_also_when_it_has_expired_and_nobody_answers(
    world: World,
) -> None:
    world.answer = signed(floor="9.0.0")
    await world.agent().ask()
    world.now += timedelta(days=1000)
    world.answer = OSError("offline")
    agent = world.agent()
    assert not await agent.ask()
    assert agent.status.age is VersionAge.TOO_OLD


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>Sign in to this network</html>",
        signed(OTHER_KEY, number=8, floor="0.0.1"),
        signed(number=6, floor="0.0.1"),
        signed(number=7, floor="0.0.1"),
        signed(number=8, issued=NOW - timedelta(9), expires=NOW),
        signed(number=8, issued=NOW + timedelta(9)),
        OSError("no network"),
        TimeoutError(),
        BadManifestError("404"),
    ],
)
async def test_no_other_answer_changes_what_is_known(
    world: World, answer: bytes | Exception
) -> None:
    world.answer = signed(floor="9.0.0")
    agent = world.agent()
    await agent.ask()
    before = agent.status
    world.answer = answer
    assert not await agent.ask()
    assert agent.status == before
    assert world.agent().status == before


async def test_a_later_word_may_take_the_floor_back(world: World) -> None:
    agent = world.agent()
    world.answer = signed(number=8, floor="9.0.0")
    await agent.ask()
    world.answer = signed(number=9)
    assert await agent.ask()
    agent.check_version()


# Whether anybody is asked.


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (Settings(), UpdateChecking.NO_ADDRESS),
        (Settings(update_url=URL), UpdateChecking.NO_KEY),
        (Settings(update_keys=(public(),)), UpdateChecking.NO_ADDRESS),
        (SETTINGS.replaced({"update_check": False}), UpdateChecking.FORBIDDEN),
    ],
)
async def test_unless_all_is_set_nobody_is_asked(
    world: World, settings: Settings, why: UpdateChecking
) -> None:
    world.answer = signed(floor="9.0.0")
    await world.agent().ask()  # known from before
    world.asked.clear()
    world.settings, world.now = settings, NOW + timedelta(days=9)
    agent = world.agent()
    running = asyncio.create_task(agent.run(interval=0))
    for _ in range(50):
        await asyncio.sleep(0)
    running.cancel()
    assert world.asked == []
    assert (agent.status.asking, agent.status.age) == (why, VersionAge.UNKNOWN)
    agent.check_version()


async def test_the_citizen_can_say_no_and_yes_again(world: World) -> None:
    world.answer = signed()
    preferences = Preferences(world.paths.preferences)
    agent = UpdateWatch(world.paths.update, SETTINGS, preferences, fetch=world.fetch)
    preferences.set_update_check(False)
    assert agent.status.asking is UpdateChecking.DECLINED
    running = asyncio.create_task(agent.run(interval=0))
    for _ in range(50):
        await asyncio.sleep(0)
    running.cancel()
    assert world.asked == []
    assert world.agent().status.asking is UpdateChecking.DECLINED  # it was written down
    preferences.set_update_check(True)
    assert agent.status.asking is UpdateChecking.ON
    assert Preferences(world.paths.preferences).update_check is True


def test_the_policy_is_stronger(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('update_check = false\nupdate_url = "https://mirror.example/m"\n')
    policy = Policy.load(file, administrators_only=False)
    settings = policy.over(SETTINGS)
    assert status.asking(settings, wanted=True) is UpdateChecking.FORBIDDEN
    assert settings.update_url == "https://mirror.example/m"
    assert settings.update_keys == SETTINGS.update_keys


@pytest.mark.parametrize(
    "line",
    [
        'update_url = "ftp://x/"',
        'update_url = "http://updates.example/"',
        'update_url = "http://localhost.evil.example/"',
        'update_url = "file:///etc/passwd"',
        'update_url = "https://a b/"',
        'update_keys = ["00"]',
        f'update_keys = ["{"A" * 64}"]',
        f"update_keys = [{', '.join([repr('0' * 64)] * 5)}]",
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(line + "\n")
    with pytest.raises(ConfigError):
        config.load(file)


# When.


async def next_asked(world: World) -> datetime:
    """Run an agent, and let its time pass ten minutes a look, until it asks."""
    world.asked.clear()
    agent = world.agent()
    running = asyncio.create_task(agent.run(interval=0))
    try:
        while not world.asked:
            world.now += timedelta(minutes=1)
            for _ in range(5):
                await asyncio.sleep(0)
        await until(lambda: memory.load(world.paths.update, ()).tried == world.now)
    finally:
        running.cancel()
    return world.now


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
async def test_the_first_time_soon_then_daily_and_not_all_at_once(
    world: World, chance: float
) -> None:
    world.chance, world.answer = chance, signed(expires=NOW + timedelta(days=300))
    first = await next_asked(world)
    assert first - NOW <= FIRST + timedelta(minutes=1)
    second = await next_asked(world)
    slack = timedelta(minutes=2)
    expected = DAY * (1 + JITTER * (2 * chance - 1))
    assert expected - slack <= second - first <= expected + slack


async def test_who_got_no_answer_asks_again_but_not_at_once(world: World) -> None:
    world.answer = OSError("offline")
    first = await next_asked(world)
    second = await next_asked(world)
    assert AGAIN * (1 - JITTER) <= second - first <= AGAIN * (1 + JITTER) + timedelta(minutes=2)


async def test_starting_often_does_not_mean_asking_often(world: World) -> None:
    world.answer = signed()
    await world.agent().ask()
    for _ in range(20):
        running = asyncio.create_task(world.agent().run(interval=0))
        for _ in range(10):
            await asyncio.sleep(0)
        running.cancel()
        world.now += timedelta(minutes=30)
    assert len(world.asked) == 1


async def test_a_clock_that_was_wrong_stops_nothing(world: World) -> None:
    world.answer = signed()
    world.now = NOW + timedelta(days=20)
    await world.agent().ask()
    world.now = NOW
    assert await next_asked(world) - NOW <= FIRST + timedelta(minutes=1)
    agent = world.agent()
    world.now = NOW - timedelta(days=30)  # while it runs
    assert agent._is_time()


async def test_those_who_show_it_are_told(world: World) -> None:
    world.answer = signed()
    told = asyncio.Event()
    running = asyncio.create_task(world.agent().run(told.set, interval=0))
    world.now += FIRST
    await asyncio.wait_for(told.wait(), 60)
    running.cancel()


async def test_a_full_disk_stops_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(memory, "replace_file", full)
    world.answer = signed()
    agent = world.agent()
    assert await agent.ask()
    assert agent.status.age is VersionAge.NEWER


# What is written down.


@given(st.binary(max_size=300))
def test_a_file_that_makes_no_sense_was_never_heard(tmp_path_factory: Any, content: bytes) -> None:
    file = tmp_path_factory.mktemp("update") / "update.json"
    file.write_bytes(content)
    assert memory.load(file, (public(),)) == UpdateMemory()


def test_nobody_s_word_is_put_into_the_file_by_hand(world: World) -> None:
    forged = signed(OTHER_KEY, floor="0.0.1").decode()
    content = {"tried": NOW.isoformat(), "answered": NOW.isoformat(), "manifest": forged}
    world.paths.update.write_text(json.dumps(content))
    assert world.agent().status.age is VersionAge.UNKNOWN


# The doctor.


@pytest.mark.parametrize(
    ("changes", "code", "level"),
    [
        ({"newest": "0.1.0"}, "update_newest", "ok"),
        ({}, "update_newer", "note"),
        ({"floor": "9.0.0", "reason": {"zh-Hant": "有漏洞。"}}, "update_too_old", "fault"),
    ],
)
async def test_the_doctor_says_how_this_version_stands(
    world: World, changes: dict[str, Any], code: str, level: str
) -> None:
    world.answer = signed(**changes)
    await world.agent().ask()
    world.paths.config.write_text(f'update_url = "{URL}"\nupdate_keys = ["{public()}"]\n')
    (found,) = check_update(InstalledAgent(paths=world.paths))
    assert (found.code, found.level) == (code, level)
    assert found.message(Language.CHINESE)
    if changes.get("reason"):
        assert "有漏洞。" in found.message(Language.CHINESE)


def test_the_doctor_says_that_nobody_is_asked(paths: Paths) -> None:
    (found,) = check_update(InstalledAgent(paths=paths))
    assert (found.code, found.level) == ("update_no_address", "ok")


def test_a_day_is_a_day() -> None:
    assert timedelta(days=1) == watch.DAY
    assert datetime.now(UTC) - watch._now() < timedelta(minutes=1)
