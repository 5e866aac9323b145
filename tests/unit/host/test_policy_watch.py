"""A policy that changes while the agent runs: what holds at once, and what waits for a start."""

import os
import sys
from pathlib import Path

import pytest

from agent.doctor.files import check_policy
from agent.doctor.installed_agent import InstalledAgent
from agent.host.instance.running import Instance
from agent.host.machine.paths import Paths
from agent.host.settings import managed_policy
from agent.host.settings import policy as policy_module
from agent.host.settings.policy import Policy, Ruling
from agent.host.settings.policy_watch import AGAIN_SECONDS, PolicyWatch
from agent.origin import Origin
from tests.unit.host.policy_support import DWORD, SZ, LocalMachine, registry

SITE = Origin.parse("https://portal.example")


class Watched:
    """A watch over a policy file of this test's, whose clock stands."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "policy.toml"
        self.policy = Policy.of_this_computer(folder / "stand-in.toml")
        self.changes = 0
        self.now = 0.0
        self.watch = PolicyWatch(
            self.policy, folder / "stand-in.toml", self._changed, lambda: self.now
        )

    def _changed(self) -> None:
        self.changes += 1

    def write(self, text: str) -> None:
        """Write another file in its place, so that it cannot look like the one before."""
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.replace(self.file)

    def rounds(self, count: int = 2) -> None:
        for _ in range(count):
            self.watch.check()


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setattr(policy_module, "system_path", lambda: tmp_path / "policy.toml")
    monkeypatch.setattr(policy_module, "check_policy_file", os.stat)
    return Watched(tmp_path)


def test_a_site_is_forbidden_and_allowed_while_the_agent_runs(watched: Watched) -> None:
    decision = watched.policy.decision  # as whoever asks keeps it
    assert decision(SITE) is Ruling.SILENT
    for rule, ruling in (("forbidden", Ruling.FORBIDDEN), ("allowed", Ruling.ALLOWED)):
        watched.write(f'{rule} = ["{SITE}"]\nconsent_text = "{rule}"')
        watched.rounds()
        assert decision(SITE) is ruling
        assert watched.policy.fleet.consent_text == rule
        assert watched.policy.source == watched.file
    watched.file.unlink()
    watched.rounds()
    assert decision(SITE) is Ruling.SILENT
    assert watched.policy.source is None
    assert watched.changes == 3


def test_a_file_that_is_being_written_is_not_read(watched: Watched) -> None:
    for length in range(1, 20, 3):
        watched.write(f'allowed = ["{SITE}"]'[:length])
        watched.rounds(1)
    assert watched.policy.problem is None
    watched.write(f'allowed = ["{SITE}"]')
    watched.rounds()
    assert watched.policy.decision(SITE) is Ruling.ALLOWED
    assert watched.changes == 1


def test_a_policy_that_became_unusable_refuses_at_once_and_mended_does_not(
    watched: Watched,
) -> None:
    watched.write("allowed =")
    watched.rounds()
    assert watched.policy.problem
    assert watched.policy.decision(SITE) is Ruling.FORBIDDEN
    assert watched.policy.blind_decision(SITE, "allow") is Ruling.FORBIDDEN
    watched.write("# nothing")
    watched.rounds()
    assert watched.policy.problem is None
    assert watched.policy.decision(SITE) is Ruling.SILENT


def test_what_it_fixes_waits_for_a_start_and_the_doctor_says_so(
    watched: Watched, tmp_path: Path
) -> None:
    paths = Paths(tmp_path / "state")
    paths.prepare()
    with Instance(paths, watched.policy.fingerprint) as instance:

        def told() -> list[str]:
            instance.announce_policy(watched.policy.fingerprint)
            now = Policy.of_this_computer()
            return [each.code for each in check_policy(InstalledAgent(paths=paths, policy=now))]

        watched.write(f'allowed = ["{SITE}"]')
        watched.rounds()
        assert told() == ["policy_ok"]
        watched.write(f'allowed = ["{SITE}"]\npage_pin = false')
        watched.rounds()
        assert dict(watched.policy.locked) == {}
        assert told() == ["policy_changed", "policy_ok"]
        watched.write("broken =")
        watched.rounds()
        assert told() == ["policy_unusable"]
        watched.write("")
        watched.rounds()
        assert told() == ["policy_ok"]


def test_a_policy_that_does_not_change_is_not_read_again(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    real = Policy.of_this_computer
    monkeypatch.setattr(
        Policy, "of_this_computer", lambda *args: (read.append(args), real(*args))[1]
    )
    watched.rounds(50)
    assert read == []
    watched.now = AGAIN_SECONDS
    watched.rounds(50)
    assert len(read) == 1
    assert watched.changes == 0


def test_the_registry_is_looked_at_every_five_minutes(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = registry({"page_pin": (0, DWORD)}, forbidden={"1": (str(SITE), SZ)})
    monkeypatch.setattr(managed_policy, "open_registry", lambda: keys)
    watched.rounds(5)
    assert watched.policy.decision(SITE) is Ruling.SILENT
    watched.now += AGAIN_SECONDS
    watched.rounds()
    assert watched.policy.decision(SITE) is Ruling.FORBIDDEN
    monkeypatch.setattr(managed_policy, "open_registry", lambda: LocalMachine({}))
    watched.now += AGAIN_SECONDS
    watched.rounds()
    assert watched.policy.decision(SITE) is Ruling.SILENT


def test_a_registry_that_is_being_written_is_not_believed(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group policy takes its values away before it writes them again."""
    whole = registry({"page_pin": (0, DWORD)}, forbidden={"1": (str(SITE), SZ)})
    half = registry({"page_pin": (0, DWORD)})
    looks: list[LocalMachine] = []
    monkeypatch.setattr(managed_policy, "open_registry", lambda: looks.pop(0) if looks else whole)
    watched.now += AGAIN_SECONDS
    watched.rounds()
    assert watched.policy.decision(SITE) is Ruling.FORBIDDEN
    for seen in ([LocalMachine({})], [LocalMachine({}), half], [half, LocalMachine({}), half]):
        looks[:] = seen
        watched.now += AGAIN_SECONDS
        for _ in range(5):
            watched.rounds(1)
            assert watched.policy.decision(SITE) is Ruling.FORBIDDEN
        assert looks == []
    assert watched.changes == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_a_file_that_others_could_change_meanwhile_refuses(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(policy_module, "system_path", lambda: watched.file)
    watched.write("page_pin = false")
    watched.rounds()
    first = watched.policy.problem
    watched.file.chmod(0o666)
    watched.rounds()
    assert watched.policy.problem
    assert str(watched.file) in watched.policy.problem
    assert first is None or os.geteuid() != 0
