"""The operator's settings, and the limits that they do not have to think of."""

import argparse
import json
import re
from pathlib import Path

import pytest

from agent.portal import config as config_module
from agent.portal.config import PortalConfig, add_flags, check_origin, portal_settings

NEEDED = ["--anchors", "root.pem", "--ics-url", "https://ics.test/"]


def parse_arguments(argv: list[str]) -> PortalConfig:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_flags(parser)
    return portal_settings(parser.parse_args(argv))


def test_flags_come_before_the_file_and_the_file_before_defaults(tmp_path: Path) -> None:
    file = tmp_path / "portal.toml"
    file.write_text(
        'port = 1\ndb = "file.db"\nanchors = ["a.pem", "b.pem"]\n'
        'ics_url = "http://127.0.0.1:2/"\norigins = ["https://gold.test"]\n',
        encoding="utf-8",
    )
    config = parse_arguments(["--config", str(file), "--port", "3", "--crl", "x.crl"])
    assert (config.port, config.db, config.anchors) == (3, "file.db", ("a.pem", "b.pem"))
    assert config.crl == ("x.crl",)
    assert config.host == "127.0.0.1"
    assert config.origins_at(3) == ("https://gold.test",)


def test_without_origins_both_names_of_this_machine_count() -> None:
    config = parse_arguments(NEEDED)
    assert config.origins_at(81) == ("http://localhost:81", "http://127.0.0.1:81")
    assert config.origins_at(80) == ("http://localhost", "http://127.0.0.1")
    named = parse_arguments([*NEEDED, "--origin", "https://a.test", "--origin", "https://b.test:1"])
    assert named.origins_at(81) == ("https://a.test", "https://b.test:1")


def test_the_settings_of_notices_in_the_documents_are_settings(tmp_path: Path) -> None:
    readme = Path(config_module.__file__).with_name("README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    (block,) = (each for each in blocks if "helpline" in each)
    file = tmp_path / "portal.toml"
    file.write_text(block, encoding="utf-8")
    config = parse_arguments(["--config", str(file), *NEEDED, "--no-demo"])
    assert config.smtp is not None
    assert config.sms is not None
    assert config.smtp.used_port == 587
    assert config.sms.url == "https://sms.city.example/send"


OPERATOR = 'name = "a"\nissuer = "https://operator.test"\nclient_id = "b"\n'


def test_the_settings_of_operators_in_the_documents_are_settings(tmp_path: Path) -> None:
    readme = Path(config_module.__file__).with_name("README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    (block,) = (each for each in blocks if "[[operators]]" in each)
    file = tmp_path / "portal.toml"
    file.write_text(block, encoding="utf-8")
    (operator,) = parse_arguments(["--config", str(file), *NEEDED]).operators
    assert operator.issuer == "https://operator.example"


@pytest.mark.parametrize(
    "text",
    [
        "[[operators]]\nname = 'a'",
        f"[[operators]]\n{OPERATOR}" * 2,
        f"[[operators]]\n{OPERATOR}secret = 'c'",
        f"[[operators]]\n{OPERATOR.replace('https', 'http')}",
        f"[[operators]]\n{OPERATOR.replace('.test', '.test/')}",
        f"[[operators]]\n{OPERATOR.replace(chr(34) + 'a', chr(34) + ' ')}",
        "".join(f"[[operators]]\n{OPERATOR.replace('a', str(each), 1)}" for each in range(9)),
    ],
)
def test_an_operator_that_cannot_be_asked_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "portal.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r".{10}"):
        parse_arguments(["--config", str(file), *NEEDED])


@pytest.mark.parametrize("helpline", ["", "call us", "1999\n", "<b>", "1" * 25])
def test_a_helpline_is_a_telephone_number(helpline: str, tmp_path: Path) -> None:
    file = tmp_path / "portal.toml"
    file.write_text(f"helpline = {json.dumps(helpline)}", encoding="utf-8")
    with pytest.raises(ValueError, match="helpline"):
        parse_arguments(["--config", str(file), *NEEDED])


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--anchors", "root.pem"],
        ["--ics-url", "https://ics.test/"],
        [*NEEDED, "--ics-url", "http://ics.test/"],
        [*NEEDED, "--port", "65536"],
        [*NEEDED, "--port", "-1"],
        [*NEEDED, "--origin", "http://a.test/"],
        [*NEEDED, "--ics-key", "key.pem"],
        [*NEEDED, "--no-demo"],
    ],
    ids=" ".join,
)
def test_what_cannot_work_is_refused_with_a_reason(argv: list[str]) -> None:
    with pytest.raises(ValueError, match=r".{10}"):
        parse_arguments(argv)


CARD = '[demo_card]\nid_number = "A123456789"\npin = "246813"\n'


def test_a_card_is_told_in_a_demo_only(tmp_path: Path) -> None:
    file = tmp_path / "portal.toml"
    file.write_text(CARD, encoding="utf-8")
    told = parse_arguments(["--config", str(file), *NEEDED]).demo_card
    assert told is not None
    assert (told.id_number, told.pin) == ("A123456789", "246813")
    with pytest.raises(ValueError, match="needs demo"):
        parse_arguments(["--config", str(file), *NEEDED, "--no-demo", "--notify", "true"])


@pytest.mark.parametrize("text", ["prot = 1", "port = '1'", "port =", "[a]\nb=1"])
def test_a_wrong_file_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "portal.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"."):
        parse_arguments(["--config", str(file), *NEEDED])


@pytest.mark.parametrize(
    "origin",
    [
        *("", "null", "localhost", "http://", "http://a.test/", "http://a.test/x", "*"),
        *("http://A.test", "http://u@a.test", "ftp://a.test", "http://a.test?x", "http://a.test#x"),
        *("https://a.test/", "HTTPS://a.test", "https://a.test:443", "https://a.test:65536"),
        *("https://a.test:", "https://a.test.", " https://a.test", "https://測試.test", "a.test"),
        *("http://a.test", "http://a.test:8080", "http://192.0.2.1", "http://localhost:80"),
    ],
)
def test_an_origin_is_what_a_browser_writes(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        check_origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        *("https://a.test", "https://a.test:8443", "https://xn--g6w251d.test", "https://192.0.2.1"),
        *("http://localhost", "http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1"),
        "http://portal.localhost:8080",
    ],
)
def test_a_site_that_can_be_logged_in_to_is_accepted(origin: str) -> None:
    check_origin(origin)
