"""The command line of the porter: which ports it takes, and which it refuses."""

import pytest

from agent.cli import COMMANDS, parser_of, run
from agent.commands import porter
from agent.commands.parser import EXIT_USAGE


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", "６１１６１", "1e3"])
def test_what_is_no_port(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser_of(COMMANDS).parse_args(["porter", "--port", port])
    assert ended.value.code == EXIT_USAGE
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--port", "61161", "--port", "61161"],
        ["--tls-port", "61161"],  # which is a plain one by default
        [word for port in range(1, 20) for word in ("--port", str(port))],
    ],
    ids=["twice", "both kinds", "too many"],
)
def test_ports_that_do_not_fit(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(porter, "_hold", lambda _: pytest.fail("it began"))
    assert run(["porter", *words]) == EXIT_USAGE
    assert capsys.readouterr().err


def test_no_porter_for_another_system(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(porter.sys, "platform", "darwin")
    assert run(["porter"]) == EXIT_USAGE
    assert capsys.readouterr().err
