"""A file is shown in the file manager of each system, by its name and by no shell."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.host.machine import reveal as room
from agent.host.machine.reveal import reveal, revealing_command
from agent.host.tls.machine import Completed, Machine

BUS = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus"}


def machine(platform: str, **more: object) -> Machine:
    return Machine(platform=platform, environment={**BUS, "SystemRoot": r"C:\Windows"}, **more)  # type: ignore[arg-type]


def test_the_desktops_service_marks_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a, 'b' $(c)\n.pdf"
    file.touch()
    asked: list[Sequence[str]] = []

    def run(command: Sequence[str]) -> Completed:
        asked.append(command)
        return Completed(0)

    assert reveal(file, machine("linux", find=lambda name: f"/usr/bin/{name}", run=run))
    ((*_, files, start),) = asked
    assert files == f"array:string:file://{tmp_path}/a%2C%20%27b%27%20%24%28c%29%0A.pdf"
    assert start == "string:"


@pytest.mark.parametrize(
    ("platform", "command"),
    [
        ("linux", ("/usr/bin/xdg-open", "/home/x")),
        ("darwin", ("/usr/bin/open", "-R", "--", "/home/x/a, b.pdf")),
        ("win32", r'"C:\Windows\explorer.exe" /select,"/home/x/a, b.pdf"'),
    ],
)
def test_elsewhere_a_program_of_the_system_does(
    platform: str, command: Sequence[str] | str
) -> None:
    here = machine(platform, find=lambda name: f"/usr/bin/{name}")
    assert revealing_command(Path("/home/x/a, b.pdf"), here) == command


def test_what_is_gone_or_cannot_be_shown_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr(room, "_start", started.append)
    file = tmp_path / "a.pdf"
    nothing = machine("linux", find=lambda _: None)
    assert not reveal(file, machine("darwin"))
    file.touch()
    assert not reveal(file, nothing)
    assert started == []
    assert reveal(file, machine("darwin"))
    assert len(started) == 1
