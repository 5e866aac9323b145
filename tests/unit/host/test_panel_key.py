"""The token that opens the panel: good once, for two minutes, and for whoever can read the key."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from agent.errors import AgentError, ErrorCode
from agent.host.instance.panel_key import TOKEN_SECONDS, PanelKey, panel_address
from agent.host.machine.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.choose(tmp_path)


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_token_is_good_once() -> None:
    key = PanelKey(bytes(32))
    token = key.make_token()
    assert key.spend(token)
    assert not key.spend(token)


def test_of_many_who_come_with_one_token_one_gets_in() -> None:
    key = PanelKey(bytes(32))
    token = key.make_token()
    together = threading.Barrier(8)
    let_in: list[bool] = []

    def come() -> None:
        together.wait()
        let_in.append(key.spend(token))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert let_in.count(True) == 1


def test_a_token_dies_of_age() -> None:
    clock = Clock()
    key = PanelKey(bytes(32), clock)
    young, old = key.make_token(), key.make_token()
    clock.now += TOKEN_SECONDS - 1
    assert key.spend(young)
    clock.now += 2
    assert not key.spend(old)


def test_a_clock_that_was_set_back_makes_no_token_last_longer() -> None:
    clock = Clock()
    key = PanelKey(bytes(32), clock)
    token = key.make_token()
    clock.now -= 3600
    assert not key.spend(token)


def test_a_used_token_is_not_good_again_after_others_were_used() -> None:
    key = PanelKey(bytes(32))
    tokens = [key.make_token() for _ in range(50)]
    assert all(map(key.spend, tokens))
    assert not any(map(key.spend, tokens))


def test_a_token_of_another_key_is_none() -> None:
    assert not PanelKey(bytes(32)).spend(PanelKey(b"\1" * 32).make_token())


def test_one_changed_letter_anywhere_makes_it_worthless() -> None:
    key = PanelKey(bytes(32))
    token = key.make_token()
    for place in range(len(token) - 1):  # the last letter carries fewer bits
        other = "A" if token[place] != "A" else "B"
        assert not key.spend(token[:place] + other + token[place + 1 :])
    assert key.spend(token)


@pytest.mark.parametrize(
    "token", ["", "A", "=", "\0", "é" * 74, "A" * 74, "A" * 75, "A" * 5000, "-_" * 37, "A\nB" * 25]
)
def test_garbage_is_no_token(token: str) -> None:
    assert not PanelKey(bytes(32)).spend(token)


def test_each_start_makes_another_key_that_only_the_owner_reads(paths: Paths) -> None:
    first = PanelKey.create(paths.panel_key)
    token = first.make_token()
    second = PanelKey.create(paths.panel_key)
    assert not second.spend(token)
    if os.name == "posix":
        assert stat.S_IMODE(paths.panel_key.stat().st_mode) == 0o600


def test_another_process_makes_an_address_that_the_agent_takes(paths: Paths) -> None:
    key = PanelKey.create(paths.panel_key)
    paths.instance.write_text(json.dumps({"pid": 1, "port": 28444}))
    address = panel_address(paths)
    assert address.startswith("https://localhost:28444/panel/#token=")
    assert key.spend(address.partition("#token=")[2])


@pytest.mark.parametrize(
    "facts",
    [
        None,
        "",
        "{",
        "[]",
        "{}",
        '{"pid": 1}',
        '{"port": "28443"}',
        '{"port": 0}',
        '{"port": 65536}',
    ],
)
def test_without_an_agent_that_is_ready_there_is_no_address(
    paths: Paths, facts: str | None
) -> None:
    PanelKey.create(paths.panel_key)
    if facts is not None:
        paths.instance.write_text(facts)
    with pytest.raises(AgentError) as caught:
        panel_address(paths)
    assert caught.value.code is ErrorCode.TIMEOUT


@pytest.mark.parametrize("content", [None, b"", b"short", bytes(33)])
def test_a_damaged_key_opens_nothing(paths: Paths, content: bytes | None) -> None:
    if content is not None:
        paths.panel_key.write_bytes(content)
    with pytest.raises(AgentError):
        PanelKey.read(paths.panel_key)
