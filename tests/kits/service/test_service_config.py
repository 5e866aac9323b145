"""A configuration that cannot be meant is refused, and says where."""

import hashlib
import json
import os
import socket
from pathlib import Path

import pytest

from agent.validator.__main__ import main
from agent.validator.config import (
    DEFAULT,
    ServiceConfigError,
    TcpAddress,
    UnixAddress,
    parse_config,
    read_config,
)
from agent.validator.judging import check_meaning
from agent.validator.listening import open_sockets, remove_sockets
from tests.kits.service.service_support import config_text

HASH = hashlib.sha256(b"key").hexdigest()


def client(name: str = "shop", key: object = HASH, origin: str = "https://shop.example") -> str:
    return f'[[client]]\nname = "{name}"\nkey_sha256 = {json.dumps(key)}\norigins = ["{origin}"]\n'


GOOD = {
    "unix": {"listen": '"unix:/run/ankong-verify/socket"'},
    "v6": {"listen": '"[::1]:28460"'},
    "two": {"listen": '["127.0.0.1:1", "[::1]:2"]'},
    "open": {"listen": '"0.0.0.0:28460"', "clients": client()},
    "rotating": {"clients": client(key=[HASH, "0" * 64])},
}


@pytest.mark.parametrize("name", GOOD)
def test_it_is_taken(name: str) -> None:
    config = parse_config(config_text(**GOOD[name]), Path("/etc"))
    assert config.workers >= 1
    assert config.socket_mode == 0o660


BAD: dict[str, tuple[dict[str, str], str]] = {
    "open to all": ({"listen": '"0.0.0.0:28460"'}, "have to be clients"),
    "open to all, v6": ({"listen": '"[::]:28460"'}, "have to be clients"),
    "one of two": ({"listen": '["127.0.0.1:1", "192.0.2.1:1"]'}, "192.0.2.1:1 is open"),
    "name": ({"listen": '"localhost:28460"'}, "neither unix"),
    "no port": ({"listen": '"127.0.0.1"'}, "neither unix"),
    "great port": ({"listen": '"127.0.0.1:65536"'}, "no port"),
    "no address": ({"listen": '"127.0.0.256:1"'}, "neither unix"),
    "nowhere": ({"listen": "[]"}, "one to 4"),
    "relative": ({"listen": '"unix:socket"'}, "from the root"),
    "no name of a file": ({"listen": '"unix:/run/a\\u0000b"'}, "from the root"),
    "long in octets": ({"listen": f'"unix:/{"路" * 40}"'}, "at most 100 bytes"),
    "unknown": ({"more": "pages = true"}, "unknown field `pages`"),
    "workers": ({"more": "workers = 65"}, r"\$.workers"),
    "negative": ({"more": "workers = -1"}, r"\$.workers"),
    "waiting": ({"more": "waiting = 0"}, r"\$.waiting"),
    "mode": ({"more": 'socket_mode = "0999"'}, r"\$.socket_mode"),
    "slash": ({"clients": client(origin="https://shop.example/")}, "client shop: .* slash"),
    "plain": ({"clients": client(origin="http://shop.example")}, "not secure"),
    "key itself": ({"clients": client(key="a-key")}, r"client.*key_sha256"),
    "no key": ({"clients": client(key=[])}, r"client.*key_sha256"),
    "three keys": ({"clients": client(key=[HASH, "0" * 64, "1" * 64])}, "key_sha256"),
    "two of one name": ({"clients": client() + client(key="0" * 64)}, "one name"),
    "two of one key": ({"clients": client() + client("other")}, "one key"),
    "odd name": ({"clients": client("Shop 1")}, r"client.*name"),
    "no lists": ({"lists": "urls = []"}, "every certificate would be refused"),
    "no folder": ({"lists": 'urls = ["http://crl.example/ca.crl"]'}, "a folder is needed"),
    "scheme": ({"lists": 'urls = ["file:///etc/passwd"]\nfolder = "x"'}, "only plain http"),
    "half of ics": (
        {"clients": '[ics]\nurl = "https://ics.example/"\nkey = "k.pem"'},
        "go together",
    ),
    "no toml": ({"more": "= 1"}, "line 3"),
}


@pytest.mark.parametrize("name", BAD)
def test_it_is_refused_and_says_why(name: str) -> None:
    parts, why = BAD[name]
    with pytest.raises(ServiceConfigError, match=why):
        check_meaning(parse_config(config_text(**parts), Path("/etc")))


def test_origins_of_the_site_and_of_clients_do_not_mix() -> None:
    text = config_text(more='origins = ["https://a.example"]', clients=client())
    with pytest.raises(ServiceConfigError, match="each client has its own"):
        parse_config(text, Path("/etc"))
    with pytest.raises(ServiceConfigError, match="no origin"):
        check_meaning(parse_config(config_text(origins=[]), Path("/etc")))


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "verify.toml"
    with pytest.raises(ServiceConfigError, match=r"verify.toml: No such file"):
        read_config(file)
    file.write_text(config_text(), "utf-8-sig")  # as some editors write
    assert parse_config(read_config(file), tmp_path).table.trust.roots
    file.write_bytes(b"\xff")
    with pytest.raises(ServiceConfigError, match=r"verify.toml: not UTF-8"):
        read_config(file)
    file.write_bytes(b"#" * 300_000)
    with pytest.raises(ServiceConfigError, match=r"verify.toml: longer"):
        read_config(file)


def test_a_pipe_is_no_configuration_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    file = tmp_path / "verify.toml"
    os.mkfifo(file)
    with pytest.raises(ServiceConfigError, match=r"verify.toml: is not a regular file"):
        read_config(file)
    file.unlink()
    (tmp_path / "of-another-folder").write_text("a")
    file.symlink_to(tmp_path / "of-another-folder")  # as where a configuration is mounted
    assert read_config(file) == "a"


MISSING = {
    "roots": ({"roots": ["no.cer"], "cas": [], "crls": ["ca.crl"]}, "trust: cannot read no.cer"),
    "lists": ({"roots": ["root.cer"], "cas": [], "crls": ["no.crl"]}, "lists: there is no"),
    "no list": ({"roots": ["root.cer"], "cas": [], "crls": ["valid.der"]}, "lists: valid.der: "),
    "leaf": ({"roots": ["valid.der"], "cas": [], "crls": ["ca.crl"]}, "trust: "),
}


@pytest.mark.parametrize("name", MISSING)
def test_check_looks_at_the_files_too(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trust, why = MISSING[name]
    file = tmp_path / "verify.toml"
    file.write_text(config_text(trust=trust))
    assert main(["check", "--only-config", "--config", str(file)]) == 1
    assert why in capsys.readouterr().err


def test_check_says_that_nobody_listens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "verify.toml"
    file.write_text(config_text().replace("28460", "1"))
    assert main(["check", "--config", str(file)]) == 1
    assert "nobody listens" in capsys.readouterr().err


def test_the_default_file_is_not_the_only_one(capsys: pytest.CaptureFixture[str]) -> None:
    if not DEFAULT.exists():
        assert main(["check"]) == 1
        assert "--config names another file" in capsys.readouterr().err


def test_a_socket_of_a_run_that_died_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    address = UnixAddress(path)
    path.write_text("precious")
    with pytest.raises(ServiceConfigError, match="no socket"):
        open_sockets([address], 0o600)
    assert path.read_text() == "precious"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    (sock,) = open_sockets([address], 0o600)
    with sock, pytest.raises(ServiceConfigError, match="somebody listens"):
        open_sockets([address], 0o600)
    remove_sockets([address])
    assert not path.exists()


def test_a_port_is_one_services(tmp_path: Path) -> None:
    (sock,) = open_sockets([TcpAddress("127.0.0.1", 0)], 0)
    with sock:
        taken = TcpAddress(*sock.getsockname())
        path = tmp_path / "socket"
        with pytest.raises(ServiceConfigError, match="in use"):
            open_sockets([UnixAddress(path), taken], 0o600)
    assert str(taken) == f"127.0.0.1:{taken.port}"
