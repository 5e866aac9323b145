"""The options of ``serve`` are the settings that are declared with a flag."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.commands.parser import CommandParser
from agent.host.settings import config
from agent.host.settings.config import Flag, Settings
from agent.host.settings.flags import add_flags


def parse(*arguments: str) -> Mapping[str, object]:
    parser = CommandParser()
    add_flags(parser)
    flags: Mapping[str, object] = parser.parse_args(arguments).flags
    return flags


def test_what_is_not_given_is_left_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('mca = true\nconsent = "deny"\nport = 1\n')
    flags = parse("--port", "2")
    assert flags == {"port": 2}
    assert config.load(path, flags) == Settings(mca=True, consent="deny", port=2)


def test_every_flag_is_understood() -> None:
    arguments = ("--port", "0", "--hipki-port", "65535", "--mca", "--consent", "allow")
    flags = parse(*arguments, "--questions", "page")
    expected = {"port": 0, "hipki_port": 65535, "mca": True, "consent": "allow"}
    assert flags == {**expected, "questions": "page"}
    assert set(flags) == {name for name, _, _ in config.marked(Flag)}


@pytest.mark.parametrize("value", ["65536", "-1", "x", "1.5", ""])
def test_a_value_out_of_bounds_is_refused(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(f"--port={value}")
    assert "--port: a port is 0 to 65535" in capsys.readouterr().err


USUAL = (config.JRSYS_PORTS, config.JRSYS_TLS_PORTS)


@pytest.mark.parametrize(
    ("wanted", "ports"),
    [
        ({}, USUAL),
        ({"jrsys": False}, ((), ())),
        ({"hipki_port": 0}, ((), ())),  # it stands beside another agent
        ({"hipki_port": 0, "jrsys_ports": (0, 0)}, ((0, 0), ())),
        ({"jrsys_ports": (), "jrsys_tls_ports": (4000,)}, ((), (4000,))),
        ({"port": 17022, "jrsys_tls_ports": (28443, 61161, 4000)}, ((17522,), (28443, 4000))),
        ({"jrsys_ports": (28443, 61161, 4000)}, ((4000,), config.JRSYS_TLS_PORTS)),
        ({"jrsys_ports": (1, 2, 1), "jrsys_tls_ports": (2, 3, 3)}, ((1, 2), (3,))),
    ],
)
def test_each_port_of_jrsys_pages_is_opened_once(wanted: dict[str, Any], ports: Any) -> None:
    assert Settings(**wanted).open_jrsys_ports == ports


@pytest.mark.parametrize(
    "text",
    [
        "jrsys_ports = 17022",
        "jrsys_ports = [65536]",
        "jrsys_tls_ports = [1, 2, 3, 4, 5, 6, 7, 8, 9]",
        'jrsys_presence = "yes"',
        'jrsys_version = "<b>"',
        'jrsys_unicode = "big5"',
    ],
)
def test_a_value_that_no_jrsys_page_could_use_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(config.ConfigError, match="jrsys"):
        config.load(path)
