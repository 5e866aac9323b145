"""The desktop's service is asked to mark a file, whatever it is called."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.host.machine import reveal as room
from agent.host.tls.machine import Completed, Machine

BUS = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus"}


@pytest.mark.parametrize("status", [0, 1])
def test_the_desktops_service_marks_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(room, "can_reveal", lambda: True)
    monkeypatch.setattr(room, "command", lambda *_: ["/no/such/program"])
    asked: list[Sequence[str]] = []

    def run(command: Sequence[str]) -> Completed:
        asked.append(command)
        return Completed(status)

    here = Machine(platform="linux", environment=BUS, find=lambda name: f"/usr/bin/{name}", run=run)
    assert room.reveal(tmp_path / "a, 'b' $(c)\n.pdf", here) is (status == 0)
    ((*_, files, start),) = asked
    assert files == f"array:string:file://{tmp_path}/a%2C%20%27b%27%20%24%28c%29%0A.pdf"
    assert start == "string:"


def test_without_a_session_no_service_is_asked(tmp_path: Path) -> None:
    def run(_: Sequence[str]) -> Completed:
        raise AssertionError("asked")

    for environment, tool in (({}, "/usr/bin/dbus-send"), (BUS, None)):
        here = Machine(
            platform="linux",
            environment=environment,
            find=lambda _, found=tool: found,
            run=run,  # type: ignore[misc]
        )
        assert not room.is_shown_by_service(tmp_path / "a.pdf", here)


@pytest.mark.parametrize(
    ("platform", "words"),
    [
        ("linux", ["xdg-open", "/home/x"]),
        ("darwin", ["/usr/bin/open", "-R", "/home/x/a, b.pdf"]),
        ("win32", '"D:\\Windows\\explorer.exe" /select,"/home/x/a, b.pdf"'),
    ],
)
def test_elsewhere_a_program_of_the_system_does(platform: str, words: object) -> None:
    environ = {"SystemRoot": "D:\\Windows"}
    assert room.command(Path("/home/x/a, b.pdf"), platform, environ) == words
