"""The keeper: what comes later is served, nobody is fought, and who must restart is known."""

import os
import shutil
import subprocess
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from agent.host.machine.processes import ProcessTable
from agent.host.tls.browsers import Browsers
from agent.host.tls.firefox_profiles import FirefoxProfileStore
from agent.host.tls.machine import Machine, run
from agent.host.tls.manifest import Manifest
from agent.host.tls.store import AuthorityFile, Presence
from agent.host.tls.tending import RETRY_SECONDS
from agent.host.tls.trust import Trust
from agent.host.tls.trust_keeper import HURRY_SECONDS, INTERVAL, TrustKeeper
from agent.periodic import PeriodicChecks
from tests.unit.host.conftest import MachineFactory, new_database

pytestmark = pytest.mark.skipif(shutil.which("certutil") is None, reason="needs libnss3-tools")


@dataclass
class Desk:
    """A home, a keeper with a clock of the test's, and a kernel's list of processes."""

    machine: Machine
    manifest: Path
    authority: AuthorityFile
    proc: Path
    now: float = 0.0
    runs: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        def counted(command: object) -> object:
            words = list(command)  # type: ignore[call-overload]
            shown = next(each for each in words if each.startswith("sql:")).removeprefix("sql:")
            self.runs.append([*words, str((Path(shown) / "cert9.db").resolve().parent)])
            return run(command)  # type: ignore[arg-type]

        browsers = Browsers(ProcessTable(proc=self.proc, user=os.geteuid()))
        self.machine = replace(self.machine, run=counted, browsers=browsers)  # type: ignore[arg-type]
        self.trust = Trust(self.manifest, self.machine)
        self.keeper = self.new_keeper()

    def new_keeper(self) -> TrustKeeper:
        return TrustKeeper(
            self.manifest,
            lambda: self.authority.path,
            self.machine,
            PeriodicChecks(0.01),
            lambda: self.now,
        )

    def profile(self, name: str = "new.default") -> Path:
        return new_database(self.machine.home / ".mozilla" / "firefox" / name)

    def trusts(self, profile: Path) -> bool:
        places = FirefoxProfileStore(self.machine).check(self.authority)
        found = {place.path: place.presence for place in places}
        return found[str(profile)] is Presence.TRUSTED

    def start(self, pid: int, program: str, *words: str, opened: Path | None = None) -> None:
        """Show a running process, as Linux does."""
        folder = self.proc / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "exe").symlink_to(program)
        (folder / "cmdline").write_bytes(b"\0".join(map(os.fsencode, (program, *words))) + b"\0")
        fields = " ".join(["S", *["0"] * 18, str(pid * 7), "0"])
        (folder / "stat").write_text(f"{pid} (a) b (c) {fields}")
        if opened is not None:
            (folder / "fd" / "7").symlink_to(opened)

    def end(self, pid: int) -> None:
        shutil.rmtree(self.proc / str(pid))


@pytest.fixture
def desk(make_machine: MachineFactory, authority: AuthorityFile, tmp_path: Path) -> Desk:
    machine = make_machine(find=lambda name: shutil.which(name) if name == "certutil" else None)
    boot = tmp_path / "proc" / "sys" / "kernel" / "random" / "boot_id"
    boot.parent.mkdir(parents=True)
    boot.write_text("this one\n")
    return Desk(machine, tmp_path / "trust.json", authority, tmp_path / "proc")


def test_a_profile_that_comes_later_is_served(desk: Desk) -> None:
    desk.trust.install(desk.authority)
    desk.keeper.tend()
    profile = desk.profile()
    desk.keeper.tend()
    assert desk.trusts(profile)
    assert desk.trust.uninstall() == []
    assert not desk.trusts(profile)


@pytest.mark.parametrize("wish", ["never asked", "refused", "taken back"])
def test_who_does_not_want_it_is_left_alone(desk: Desk, wish: str) -> None:
    if wish != "never asked":
        desk.trust.install(desk.authority)
        (desk.trust.leave_alone if wish == "refused" else desk.trust.uninstall)()
    profile = desk.profile()
    desk.keeper.tend()
    assert not desk.trusts(profile)


def test_a_manifest_of_an_earlier_version_says_what_was_wanted(desk: Desk) -> None:
    desk.profile("old")
    desk.trust.install(desk.authority)
    desk.manifest.write_text(desk.manifest.read_text().replace('"wanted": true', '"wanted": null'))
    later = desk.profile("later")
    desk.keeper.tend()
    assert desk.trusts(later)


def test_who_takes_it_out_by_hand_is_not_fought(desk: Desk) -> None:
    profile = desk.profile()
    desk.trust.install(desk.authority)
    desk.keeper.tend()
    subprocess.run(
        ["certutil", "-D", "-d", f"sql:{profile}", "-n", desk.authority.name], check=True
    )
    for keeper in (desk.keeper, desk.new_keeper()):  # and not after the agent's restart either
        keeper.tend()
        assert not desk.trusts(profile)
    desk.trust.install(desk.authority)  # asked for: put back
    assert desk.trusts(profile)


def test_a_profile_that_takes_anothers_place_is_served(desk: Desk) -> None:
    profile = desk.profile()
    desk.trust.install(desk.authority)
    desk.keeper.tend()
    kept = profile.rename(profile.with_name("kept"))  # else its file's number may come again
    desk.profile(profile.name)
    desk.keeper.tend()
    assert desk.trusts(profile)
    assert desk.trusts(kept)


def test_nothing_runs_again_and_again(desk: Desk) -> None:
    desk.trust.install(desk.authority)
    desk.profile("good")
    damaged = desk.profile("damaged") / "cert9.db"
    damaged.write_bytes(b"no database" * 100)
    desk.keeper.tend()
    desk.runs.clear()
    for _ in range(5):
        desk.keeper.tend()
    assert desk.runs == []
    desk.now += RETRY_SECONDS
    desk.keeper.tend()
    assert {command[-1] for command in desk.runs} == {str(damaged.parent)}


@pytest.mark.slow
def test_two_hundred_profiles_are_looked_at_without_a_tool(desk: Desk) -> None:
    first = desk.profile("0")
    desk.trust.install(desk.authority)
    for number in range(1, 200):
        shutil.copytree(first, first.with_name(str(number)))
    desk.keeper.tend()
    assert len(Manifest(desk.manifest).steps) == 200
    desk.runs.clear()
    desk.keeper.tend()
    assert desk.runs == []


def test_two_agents_at_once_do_no_harm(desk: Desk) -> None:
    desk.trust.install(desk.authority)
    profiles = [desk.profile(str(number)) for number in range(4)]
    keepers = [desk.new_keeper() for _ in range(3)]
    threads = [threading.Thread(target=keeper.tend) for keeper in keepers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(desk.trusts(profile) for profile in profiles)
    assert len(Manifest(desk.manifest).steps) == 4
    assert desk.trust.uninstall() == []
    assert not any(desk.trusts(profile) for profile in profiles)


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 1, "steps": [], "wanted": 7}'])
def test_a_damaged_manifest_changes_nothing(desk: Desk, content: bytes) -> None:
    profile = desk.profile()
    desk.manifest.write_bytes(content)
    desk.keeper.tend()
    desk.keeper.look()
    assert not desk.trusts(profile)
    assert desk.manifest.read_bytes() == content


# Who must restart.


def test_a_browser_that_had_read_its_store_must_be_restarted(desk: Desk) -> None:
    database = new_database(desk.machine.home / ".pki" / "nssdb")
    file = database / "cert9.db"
    desk.start(10, "/usr/lib/chromium/chromium", opened=file)
    desk.start(11, "/usr/lib/chromium/chromium", "--type=renderer", opened=file)
    desk.start(12, "/opt/microsoft/msedge/msedge")  # has not read it
    desk.start(13, "/usr/bin/code", opened=file)  # no browser
    desk.start(14, "/usr/lib/firefox/firefox", opened=file)
    told: list[tuple[str, ...]] = []
    desk.trust.install(desk.authority)
    with desk.keeper.watched(lambda: told.append(desk.keeper.restart_needed())):
        desk.keeper.look()
        assert desk.keeper.restart_needed() == ("Chromium",)
        again = desk.new_keeper()  # the agent's own restart forgets nothing
        again.look()
        assert again.restart_needed() == ("Chromium",)
        desk.end(10)
        desk.start(10, "/usr/lib/chromium/chromium", opened=file)
        (desk.proc / "10" / "stat").write_text(f"10 (chromium) S {'0 ' * 18}99999 0")
        desk.keeper.look()
        desk.keeper.look()
    assert told == [("Chromium",), ()]


def test_another_run_of_the_computer_has_other_browsers(desk: Desk) -> None:
    database = new_database(desk.machine.home / ".pki" / "nssdb")
    desk.start(10, "/opt/google/chrome/chrome", opened=database / "cert9.db")
    desk.trust.install(desk.authority)
    desk.keeper.look()
    assert desk.keeper.restart_needed() == ("Google Chrome",)
    (desk.proc / "sys" / "kernel" / "random" / "boot_id").write_text("another\n")
    desk.keeper.look()
    assert desk.keeper.restart_needed() == ()


def test_a_browser_that_read_it_with_us_need_not_be_restarted(desk: Desk) -> None:
    database = new_database(desk.machine.home / ".pki" / "nssdb")
    desk.trust.install(desk.authority)
    desk.start(10, "/usr/lib/chromium/chromium", opened=database / "cert9.db")
    desk.trust.install(desk.authority)
    desk.keeper.look()
    assert desk.keeper.restart_needed() == ()


# The rhythm.


def test_stores_are_looked_at_each_minute_and_when_a_browser_starts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    looked = threading.Event()

    def tend() -> None:
        looks.append(desk.now)
        looked.set()

    monkeypatch.setattr(desk.keeper, "tend", tend)

    def wait_for(now: float) -> None:
        desk.now = now
        looked.clear()
        assert looked.wait(30)

    with desk.keeper.running():
        assert looked.wait(30)
        wait_for(INTERVAL)
        desk.start(20, "/usr/bin/calculator")
        wait_for(2 * INTERVAL)
        desk.start(21, "/usr/lib/firefox-esr/firefox-esr")
        looked.clear()
        assert looked.wait(30)  # at once
        desk.now += HURRY_SECONDS
    assert set(looks) <= {0.0, INTERVAL, 2 * INTERVAL}
