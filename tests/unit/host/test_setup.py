"""``ankong setup``: complete and undo, again and again, interrupted, and on strange ground."""

import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import structlog

from agent import __version__
from agent.host.autostart import Autostart
from agent.host.autostart.xdg import XdgAutostart
from agent.host.instance.running import Instance
from agent.host.machine.document_copies import AGENTS, COMMANDS
from agent.host.machine.paths import Paths
from agent.host.tls import identity
from agent.host.tls.machine import Completed, Machine
from agent.host.tls.manifest import Manifest, TrustStep
from agent.host.tls.store import AuthorityFile, Presence
from agent.host.tls.trust import Trust
from agent.setup.owned_files import sort_contents
from agent.setup.record import SetupRecord
from agent.setup.report import StepResult
from agent.setup.uninstall import Uninstall
from agent.setup.user_setup import SetupOptions, UserSetup
from agent.words import Language
from tests.unit.host.conftest import MachineFactory, Tools, new_database

needs_certutil = pytest.mark.skipif(shutil.which("certutil") is None, reason="libnss3-tools")
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()  # a command sends them to the standard error of its test


@pytest.fixture
def machine(make_machine: MachineFactory) -> Machine:
    return make_machine(find=lambda name: shutil.which(name) if name == "certutil" else None)


@pytest.fixture
def paths(machine: Machine) -> Paths:
    return Paths.choose(machine.home / ".local" / "state" / "ankong")


def starting(machine: Machine, command: Sequence[str] = ("ankong", "tray")) -> Autostart:
    return XdgAutostart(command, machine)


def complete(paths: Paths, machine: Machine, options: SetupOptions | None = None) -> list[str]:
    trust = Trust(paths.trust, machine)
    steps = UserSetup(paths, trust, starting(machine), options or SetupOptions()).run()
    return codes(steps)


def undo(paths: Paths, machine: Machine, *, forget: bool = False) -> list[str]:
    trust = Trust(paths.trust, machine)
    uninstall = Uninstall(paths, trust, starting(machine), forget=forget, seconds=0.3)
    return codes(uninstall.run())


def authority_of(paths: Paths) -> AuthorityFile:
    return AuthorityFile.load(paths.tls / identity.AUTHORITY_FILE)


def codes(steps: Sequence[StepResult]) -> list[str]:
    for step in steps:
        assert step.message(Language.CHINESE)
        assert step.message(Language.ENGLISH)
    return [("" if step.ok else "!") + step.code for step in steps]


def tree(folder: Path) -> dict[str, bytes | int | None]:
    """Return all that is below a folder: contents, and permissions of folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        if path.is_file()
        else stat.S_IMODE(path.lstat().st_mode)
        for path in sorted(folder.rglob("*"))
    }


ALL_WELL = ["certificate_made", "trust_no_browser", "autostart_on", "record_written"]
UNDONE = ["agent_not_running", "autostart_off", "trust_none", "files_removed"]


def test_complete_then_undo_leaves_the_home_as_it_was(paths: Paths, machine: Machine) -> None:
    (machine.home / "Documents").mkdir(parents=True)
    before = tree(machine.home)
    assert complete(paths, machine) == ALL_WELL
    assert starting(machine).is_on()
    assert undo(paths, machine, forget=True) == UNDONE
    assert tree(machine.home) == before


def test_folders_that_were_there_before_stay(paths: Paths, machine: Machine) -> None:
    (machine.home / ".local" / "state").mkdir(parents=True)
    (machine.home / ".config" / "autostart").mkdir(parents=True)
    before = tree(machine.home)
    complete(paths, machine)
    undo(paths, machine, forget=True)
    assert tree(machine.home) == before


def test_complete_twice_is_once(paths: Paths, machine: Machine) -> None:
    complete(paths, machine)
    before = tree(machine.home)
    assert complete(paths, machine) == ["certificate_kept", *ALL_WELL[1:]]
    assert tree(machine.home) == before


def test_undo_twice_is_once(paths: Paths, machine: Machine) -> None:
    complete(paths, machine)
    undo(paths, machine, forget=True)
    before = tree(machine.home)
    assert undo(paths, machine, forget=True) == [*UNDONE[:-1], "files_none"]
    assert tree(machine.home) == before


def test_browsers_trust_it_and_then_no_more(paths: Paths, machine: Machine) -> None:
    database = new_database(machine.home / ".pki" / "nssdb")
    trust = Trust(paths.trust, machine)
    assert complete(paths, machine)[1] == "trust_installed"
    steps = Manifest(paths.trust).steps
    assert [step.place for step in steps] == [str(database)]
    assert undo(paths, machine, forget=True)[2:] == ["trust_removed", "files_removed"]
    assert trust.uninstall() == []
    tool = machine.find("certutil")
    assert tool is not None
    listed = machine.run([tool, "-L", "-d", f"sql:{database}"])
    assert b"Ankong" not in listed.output


@needs_certutil
def test_a_browser_that_never_ran_trusts_it_and_the_home_is_as_it_was_after(
    paths: Paths, make_machine: MachineFactory
) -> None:
    machine = make_machine(
        find=lambda name: shutil.which(name) if name == "certutil" else f"/usr/bin/{name}"
    )
    before = tree(machine.home)
    said = complete(paths, machine)
    assert said == ["certificate_made", "trust_installed", "trust_later", *ALL_WELL[2:]]
    places = Trust(paths.trust, machine).check(authority_of(paths))
    chromium = [place for place in places if place.store == "chromium"]
    assert {place.presence for place in chromium} == {Presence.TRUSTED}
    assert undo(paths, machine, forget=True)[2:] == ["trust_removed", "files_removed"]
    assert tree(machine.home) == before


def test_earlier_certificates_are_no_longer_trusted(paths: Paths, machine: Machine) -> None:
    new_database(machine.home / ".pki" / "nssdb")
    complete(paths, machine)
    (old,) = Manifest(paths.trust).steps
    identity.renew(paths.tls)
    complete(paths, machine)
    (new,) = Manifest(paths.trust).steps
    assert new.fingerprint != old.fingerprint


def test_unwanted_trust_is_not_made(paths: Paths, machine: Machine) -> None:
    new_database(machine.home / ".pki" / "nssdb")
    assert complete(paths, machine, SetupOptions(trust=False))[1] == "trust_not_wanted"
    assert not paths.trust.exists()


def test_a_missing_tool_is_told_and_the_rest_is_done(
    paths: Paths, make_machine: MachineFactory, tools: Tools
) -> None:
    machine = make_machine(find=tools.find, run=tools.run)
    (machine.home / ".pki" / "nssdb").mkdir(parents=True)
    (machine.home / ".pki" / "nssdb" / "cert9.db").touch()
    assert complete(paths, machine) == ["certificate_made", "!trust_needs_tool", "autostart_on"]
    found = SetupRecord.read(paths.installed)
    assert found is not None
    assert not found.complete


@pytest.mark.parametrize(
    ("first", "then", "is_on"),
    [(None, None, True), (False, None, False), (True, None, True), (True, False, False)],
)
def test_an_update_leaves_autostart_as_the_citizen_has_it(
    paths: Paths, machine: Machine, first: bool | None, then: bool | None, is_on: bool
) -> None:
    complete(paths, machine, SetupOptions(autostart=first))
    complete(paths, machine, SetupOptions(autostart=then))
    assert starting(machine).is_on() is is_on


def test_what_the_citizen_turned_off_since_stays_off(paths: Paths, machine: Machine) -> None:
    complete(paths, machine)
    starting(machine).turn_off()
    assert complete(paths, machine)[2] == "autostart_off"
    assert not starting(machine).is_on()


def test_an_update_starts_the_program_where_it_is_now(paths: Paths, machine: Machine) -> None:
    complete(paths, machine)
    trust = Trust(paths.trust, machine)
    UserSetup(paths, trust, starting(machine, ("/new/ankong", "tray")), SetupOptions()).run()
    entry = machine.home / ".config" / "autostart" / "ankong.desktop"
    assert "Exec=/new/ankong tray\n" in entry.read_text("utf-8")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'{"version": 1, "complete": true, "folders": []}',
        b'{"version": "1", "complete": true, "folders": ["relative"]}',
        b'{"version": "1", "complete": true, "folders": [1]}',
        b'{"version": "1", "complete": true, "folders": 7}',
        b'{"version": "1", "complete": 1, "folders": []}',
        b'{"version": "1", "complete": true}',
        b'{"version": "1", "complete": true, "complete": false, "folders": []}',
        b'{"version": "1", "complete": true, "folders": ["/a\\u0000b"]}',
        b'{"version": "1", "complete": true, "folders": [' + b",".join([b'"/a"'] * 65) + b"]}",
        b'{"version": "1", "complete": true, "folders": [], "more": NaN}',
        b'{"version": "1", "complete": true, "folders": []}' + b" " * 64 * 1024,
        b"[" * 60_000,
        b"\xff\xfe",
    ],
)
def test_a_record_that_makes_no_sense_is_none(
    paths: Paths, machine: Machine, content: bytes
) -> None:
    paths.prepare()
    paths.installed.write_bytes(content)
    assert SetupRecord.read(paths.installed) is None
    assert complete(paths, machine) == ALL_WELL
    assert undo(paths, machine, forget=True) == UNDONE


def test_no_record_makes_undo_remove_a_folder_with_something_in_it(
    paths: Paths, machine: Machine
) -> None:
    precious = machine.home / "Documents"
    precious.mkdir(parents=True)
    (precious / "thesis").write_text("years of work")
    complete(paths, machine)
    SetupRecord(__version__, True, (str(machine.home), str(precious))).write(paths.installed)
    undo(paths, machine, forget=True)
    assert (precious / "thesis").read_text() == "years of work"


def test_a_setup_that_was_killed_is_mended_by_doing_it_again(
    paths: Paths, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(machine.home)

    def killed(folder: Path, _now: object) -> identity.ServerIdentity:
        folder.mkdir()
        (folder / "leaf-0.new").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(identity, "ensure", killed)
        with pytest.raises(KeyboardInterrupt):
            complete(paths, machine)
    assert complete(paths, machine) == ALL_WELL
    undo(paths, machine, forget=True)
    assert tree(machine.home) == before


@posix_only
def test_a_disk_that_cannot_be_written_is_told(
    paths: Paths, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, _now: object) -> identity.ServerIdentity:
        raise OSError(28, "No space left on device", str(folder))

    monkeypatch.setattr(identity, "ensure", full)
    told = complete(paths, machine)
    assert told[0] == "!certificate_failed"
    assert told[1] == "!trust_failed"  # there is nothing to trust
    assert told[2] == "autostart_on"
    assert "record_written" not in told


# Uninstall.


def fill(paths: Paths) -> list[Path]:
    """Write every file that the agent may leave."""
    paths.prepare()
    for name in ("logs", "tls", "issuer"):
        (paths.state / name).mkdir(exist_ok=True)
    names = [
        *("config.toml", "config.toml.broken-20261126120000", "policy.toml", "preferences.json"),
        *("attempts.sqlite", "attempts.sqlite-wal", "attempts.sqlite-shm"),
        "attempts.sqlite.corrupt-20261126T120000.123456Z",
        *("install.key", ".install.key.new", "panel.key", ".trust.json.new", "instance.json"),
        *("instance.new", "quit.request", "trust.json.broken-20261126120000", "update.json"),
        *("logs/ankong.log", "logs/ankong.log.3", "tls/authority.pem", "tls/leaf-0.new"),
        *("issuer/root.cer", "issuer/ca.key", "issuer/issued.json", "issuer/.lock"),
    ]
    for name in names:
        (paths.state / name).write_bytes(b"x")
    records = ["sites.sqlite", "sites.sqlite-wal", "history.sqlite", "history.sqlite-shm"]
    records += ["history.witness", "history.key"]
    records += ["history.sqlite.corrupt-20261126-120000", "sites.sqlite.corrupt-2026-wal"]
    records += ["history.sqlite.corrupt-20261126T120000.123456Z-shm"]
    for name in records:
        (paths.state / name).write_bytes(b"record")
    return [paths.state / name for name in records]


def test_undo_keeps_history_and_sites_and_nothing_else(paths: Paths, machine: Machine) -> None:
    records = fill(paths)
    assert undo(paths, machine)[-1] == "files_removed_but_records"
    assert sorted(paths.state.rglob("*")) == sorted(records)


def test_forgetting_leaves_not_one_file(paths: Paths, machine: Machine) -> None:
    fill(paths)
    assert undo(paths, machine, forget=True)[-1] == "files_removed"
    assert not paths.state.exists()


def test_what_is_not_ours_stays(paths: Paths, machine: Machine) -> None:
    fill(paths)
    mine = [paths.state / "letter.txt", paths.state / "logs" / "diary", paths.state / "f" / "g"]
    mine[-1].parent.mkdir()
    for path in mine:
        path.write_text("mine")
    assert undo(paths, machine, forget=True)[-1] == "files_foreign"
    left = [path for path in paths.state.rglob("*") if path.is_file()]
    assert sorted(left) == sorted(mine)


@posix_only
def test_no_link_is_followed(paths: Paths, machine: Machine, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "ankong.log").write_text("not yours")
    (precious / "history").write_text("not yours")
    paths.prepare()
    paths.logs.symlink_to(precious)
    paths.history.symlink_to(precious / "history")
    paths.config.symlink_to(tmp_path / "nowhere")
    assert undo(paths, machine, forget=True)[-1] == "files_removed"
    assert len(tree(precious)) == 2
    assert not paths.state.exists()


@posix_only
def test_a_folder_behind_a_link_is_emptied_and_both_go(machine: Machine, tmp_path: Path) -> None:
    real = Paths.choose(tmp_path / "elsewhere" / "state")
    fill(real)
    link = tmp_path / "link"
    link.symlink_to(real.state)
    assert undo(Paths.choose(link), machine, forget=True)[-1] == "files_removed"
    assert not real.state.exists()
    assert not link.is_symlink()


def test_a_file_in_the_place_of_the_folder_is_told(paths: Paths, machine: Machine) -> None:
    paths.state.parent.mkdir(parents=True)
    paths.state.write_text("a file")
    assert undo(paths, machine, forget=True)[-1] == "!files_failed"
    assert paths.state.read_text() == "a file"


def test_an_agent_that_does_not_end_keeps_its_files_and_the_rest_is_undone(
    paths: Paths, machine: Machine
) -> None:
    complete(paths, machine)
    with Instance(paths):
        told = undo(paths, machine, forget=True)
    assert told == ["!agent_failed", "autostart_off", "trust_none", "!files_failed"]
    assert paths.tls.exists()
    assert undo(paths, machine, forget=True) == UNDONE


def test_what_no_store_lets_go_of_stays_written_down(
    paths: Paths, make_machine: MachineFactory, tools: Tools
) -> None:
    machine = make_machine(find=tools.find, run=tools.run)
    tools.answers["certutil"] = lambda _: Completed(255, b"", "the database is locked")
    database = machine.home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    (database / "cert9.db").touch()
    fill(paths)
    step = TrustStep("chromium", str(database), "0" * 64, {"nickname": "Ankong"})
    Manifest(paths.trust).record(step)
    told = undo(paths, machine, forget=True)
    assert "!trust_left" in told
    assert sorted(paths.state.iterdir()) == [paths.trust]
    assert Manifest(paths.trust).steps == (step,)


def test_a_damaged_manifest_is_kept_for_whoever_can_read_it(paths: Paths, machine: Machine) -> None:
    fill(paths)
    paths.trust.write_text("{")
    assert "!trust_failed" in undo(paths, machine, forget=True)
    assert list(paths.state.iterdir()) == [paths.trust]


def test_a_file_that_cannot_be_removed_is_told(
    paths: Paths, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(paths)
    unlink = Path.unlink

    def held(path: Path, missing_ok: bool = False) -> None:
        if path.name == "ankong.log":
            raise PermissionError(13, "used by another process")
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", held)
        assert "!files_left" in undo(paths, machine, forget=True)
    assert undo(paths, machine, forget=True)[-1] == "files_removed"


@pytest.mark.parametrize(
    "survivor", ["ankong.log", "leaf-3.pem", "installed.json", "instance.lock"]
)
def test_undoing_that_was_killed_is_completed_by_doing_it_again(
    paths: Paths, machine: Machine, monkeypatch: pytest.MonkeyPatch, survivor: str
) -> None:
    before = tree(machine.home)
    complete(paths, machine)
    (paths.state / "logs").mkdir()
    (paths.state / "logs" / "ankong.log").touch()
    unlink = Path.unlink

    def killed(path: Path, missing_ok: bool = False) -> None:
        if path.name == survivor:
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            undo(paths, machine, forget=True)
    assert undo(paths, machine, forget=True)[-1] == "files_removed"
    assert tree(machine.home) == before


def test_every_file_that_the_rooms_name_is_ours(paths: Paths) -> None:
    """A new file in ``Paths`` has to be known here, or uninstalling would leave it."""
    paths.prepare()
    folders = {"state", "tls", "logs", "documents"}
    not_the_users = {"machine"}
    for name in (each for each in dir(Paths) if isinstance(getattr(Paths, each), property)):
        if name not in folders | not_the_users:
            getattr(paths, name).touch()
    paths.documents.mkdir(exist_ok=True)
    for ending in ("pdf", "signed"):  # what killed processes left of their work
        for kind in (AGENTS, COMMANDS):
            (paths.documents / f"{kind}-0123456789abcdef.{ending}").touch()
    found = sort_contents(paths.state)
    assert found.foreign == []
    assert {path.name for path in found.records} == {"sites.sqlite", "history.sqlite"}
