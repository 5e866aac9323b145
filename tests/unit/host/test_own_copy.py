"""A user's own copy gives way to the program for all users, unless it is newer or was wanted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent import __version__
from agent.commands import setup
from agent.setup.own_copy import KEY, UNINSTALLER, OwnCopy


@dataclass
class Desk:
    """One user's registry and copy, on a Windows with the program for all users."""

    folder: Path
    shared: Path
    values: dict[tuple[str, str], str | bytes] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    status: int | None = 0
    waits: int = 0
    leaves: bool = True

    def install(self, version: str = __version__) -> None:
        self.folder.mkdir()
        (self.folder / UNINSTALLER).touch()
        self.values[KEY, "InstallDir"] = str(self.folder)
        self.values[KEY, "Version"] = version

    def read(self, key: str, name: str) -> str | bytes | None:
        return self.values.get((key, name))

    def write(self, key: str, name: str, value: str) -> None:
        self.values[key, name] = value

    def delete(self, key: str, name: str) -> None:
        self.values.pop((key, name), None)

    def start(self, command: tuple[str, ...]) -> int | None:
        self.calls.append(command)
        return self.status

    def wait(self, seconds: float) -> None:
        """Let time pass; as on Windows, the uninstaller goes on after the one that was started."""
        assert seconds > 0
        self.waits += 1
        if self.leaves and self.waits == 3:
            (self.folder / UNINSTALLER).unlink()
            self.values.clear()

    def copy(self, folder: Path | None = None, registered: str | None = None) -> OwnCopy:
        told = str(self.shared) if registered is None else registered
        return OwnCopy(
            folder=folder or self.shared,
            registry=self,
            for_all_users=lambda key, name: {(KEY, "InstallDir"): told}.get((key, name)),
            start=self.start,
            wait=self.wait,
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "own", tmp_path / "Programs")


@pytest.mark.parametrize("version", [__version__, "0.0.1"])
def test_it_is_removed_and_all_that_is_the_users_stays(desk: Desk, version: str) -> None:
    desk.install(version)
    assert desk.copy().give_way()
    # Neither "setup undo" nor a question about a certificate: this is not a goodbye.
    assert desk.calls == [(str(desk.folder / UNINSTALLER), "/S", "/GIVEWAY")]
    assert not desk.copy().give_way()
    assert len(desk.calls) == 1


def _newer(desk: Desk) -> None:
    desk.values[KEY, "Version"] = "9999.0"


def _wanted(desk: Desk) -> None:
    desk.values[KEY, "Kept"] = "1"


def _odd_version(desk: Desk) -> None:
    desk.values[KEY, "Version"] = "1.x; del"


def _no_text(desk: Desk) -> None:
    desk.values[KEY, "InstallDir"] = b"\xff\xff"


def _missing(desk: Desk) -> None:
    (desk.folder / UNINSTALLER).unlink()


def _the_same(desk: Desk) -> None:
    desk.values[KEY, "InstallDir"] = f"{desk.shared}/."


@pytest.mark.parametrize("change", [_newer, _wanted, _odd_version, _no_text, _missing, _the_same])
def test_it_stays(desk: Desk, change: Callable[[Desk], None]) -> None:
    desk.install()
    change(desk)
    assert not desk.copy().give_way()
    assert desk.calls == []


def test_only_the_program_for_all_users_takes_its_place(desk: Desk, tmp_path: Path) -> None:
    desk.install()
    assert not desk.copy(folder=tmp_path / "own").give_way()
    assert not desk.copy(registered="").give_way()
    assert not OwnCopy(registry=desk, start=desk.start).give_way()  # from a checkout
    assert desk.calls == []


@pytest.mark.parametrize(("status", "waits"), [(None, False), (2, False), (0, True)])
def test_one_that_cannot_be_removed_holds_up_one_start_at_most(
    desk: Desk, status: int | None, *, waits: bool
) -> None:
    desk.install()
    desk.status, desk.leaves = status, False
    assert not desk.copy().give_way()
    assert bool(desk.waits) == waits
    assert desk.waits <= 1000
    assert not desk.copy().give_way()
    assert len(desk.calls) == 1


@dataclass
class Entry:
    """A place that starts the program, or offers it."""

    on: bool
    turned: int = 0

    def is_on(self) -> bool:
        return self.on

    def turn_on(self) -> None:
        self.turned += 1


def test_a_registry_that_cannot_be_read_or_written_holds_up_no_start(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = Entry(on=True)
    monkeypatch.setattr(setup, "autostart", lambda _: started)
    monkeypatch.setattr(setup, "file_manager", lambda _: None)

    def forbidden(*_: object) -> None:
        raise PermissionError

    desk.install()
    monkeypatch.setattr(started, "turn_on", forbidden)
    assert setup.take_over(desk.copy())
    monkeypatch.setattr(Desk, "read", forbidden)
    assert not setup.take_over(desk.copy())


@pytest.mark.parametrize("was_on", [True, False])
def test_what_was_chosen_for_the_copy_holds_for_the_program(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, was_on: bool
) -> None:
    started, offered = Entry(was_on), Entry(not was_on)
    monkeypatch.setattr(setup, "autostart", lambda _: started)
    monkeypatch.setattr(setup, "file_manager", lambda _: offered)
    assert not setup.take_over(desk.copy())
    assert started.turned == offered.turned == 0
    desk.install()
    assert setup.take_over(desk.copy())
    assert (started.turned, offered.turned) == (int(was_on), int(not was_on))
