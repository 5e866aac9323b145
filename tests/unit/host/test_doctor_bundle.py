"""The file for those who help: what is in it, and above all what is not."""

import io
import json
import logging
import socket
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from agent.doctor import examination
from agent.doctor.bundle import write_bundle
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Report
from agent.host.machine import logs
from agent.host.machine.paths import Paths
from agent.host.settings.config import Settings
from agent.transport.base import CardProvider
from agent.virtualcard.provider import VirtualProvider
from tests.conftest import CardFactory
from tests.unit.host.conftest import MachineFactory
from tests.unit.host.doctor_fixture import DoctorFixture, needs_certutil

SECRETS = {
    "name": "王測試",
    "id": "A123456789",
    "card": "TP00000000012345",
    "pin": "739164",
    "site": "shop.example",
    "document": "離婚協議書.pdf",
    "reader serial": "5305060708",
    "user": "wang-testuser",
    "host": "wang-laptop",
}


def write_log(folder: Path) -> None:
    with logs.logging_to(folder, "debug"):
        log = structlog.get_logger("agent.signing.service")
        log.info("signed", site=f"https://{SECRETS['site']}", document=SECRETS["document"])
        log.warning("probing failed %s", SECRETS["card"], reader=SECRETS["name"])
        logging.getLogger("aiohttp.server").error("from %s", SECRETS["site"])
        logging.getLogger(f"agent.{SECRETS['user']}").error("strange logger")
        try:
            int(f"{SECRETS['name']} {SECRETS['id']} in /home/{SECRETS['user']}/x")
        except ValueError:
            log.exception("unexpected error", host=SECRETS["host"])


@needs_certutil
def test_the_bundle_holds_nothing_personal(
    installed: DoctorFixture,
    make_card: CardFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = installed.home.rename(tmp_path / SECRETS["user"])
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USER", SECRETS["user"])
    monkeypatch.setattr(socket, "gethostname", lambda: SECRETS["host"])
    paths = Paths(installed.paths.state.rename(home / "state"))
    installed.paths = paths
    write_log(paths.logs)
    paths.config.write_text(f'port = 0\nhipki_port = 0\nhipki_reader = "{SECRETS["name"]}"\n')
    paths.policy.write_text(f'forbidden = ["{SECRETS["site"]} {SECRETS["user"]}')
    with closing(sqlite3.connect(paths.sites)) as database:
        database.execute("CREATE TABLE site (origin TEXT)")
        database.execute("INSERT INTO site VALUES (?)", [SECRETS["site"]])
        database.commit()
    card = make_card("gen2", name=SECRETS["name"], id_number=SECRETS["id"], pin=SECRETS["pin"])
    serial = card.data.serial

    def provider() -> CardProvider:
        made = VirtualProvider(readers=0)
        for name in (f"ACME Reader [CCID] ({SECRETS['reader serial']}) 00 00", "Wide Eye 00"):
            made.add_reader(name)
        made.insert("Wide Eye 00", card)
        return made

    installed.provider = provider
    path = tmp_path / "bundle.zip"
    installed.run(bundle=path)
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as bundle:
        content = {name: bundle.read(name).decode() for name in bundle.namelist()}
    everything = "\n".join([*content, *content.values()])
    for what, secret in {**SECRETS, "serial": serial, "folder": str(tmp_path)}.items():
        assert secret not in everything, what
        assert json.dumps(secret).strip('"') not in everything, what
    assert set(content) == {"report.json", "settings.json", "readers.json", "log.jsonl"}
    report = json.loads(content["report.json"])
    assert "policy_unusable" in {row["code"] for row in report["findings"]}
    models = [row["model"] for row in json.loads(content["readers.json"])["readers"]]
    assert models == ["ACME Reader 00 00", "Wide Eye 00"]
    lines = [json.loads(line) for line in content["log.jsonl"].splitlines()]
    assert {"signed", "unexpected error"} <= {line.get("event") for line in lines}
    (trace,) = [line["exception"] for line in lines if "exception" in line]
    assert trace == ["ValueError"]
    told = json.loads(content["settings.json"])
    assert told["hipki_reader"] is True
    assert {name for name in Settings.__struct_fields__ if name.startswith("jrsys")} <= told.keys()


def test_a_log_line_that_the_agent_would_not_write_is_left_out(
    tmp_path: Path, make_machine: MachineFactory
) -> None:
    paths = Paths(tmp_path / "state")
    paths.prepare()
    paths.logs.mkdir()
    good = {"timestamp": "2026-01-02T03:04:05.6Z", "logger": "agent.cli", "level": "info"}
    bad = [
        {**good, "timestamp": SECRETS["name"]},
        {**good, "logger": f"agent.{SECRETS['host']}"},
        {**good, "logger": "agent.cli\n"},
        {**good, "level": SECRETS["name"]},
        {**good, "event": [SECRETS["name"]]},
        {**good, "exception": {"of": SECRETS["name"]}},
    ]
    lines = [json.dumps(each).encode() for each in bad]
    lines.append(json.dumps(good).replace("{", '{"level": "info", ', 1).encode())
    lines.append(json.dumps(good).replace("{", '{"x": NaN, ', 1).encode())
    lines.append(json.dumps({**good, "event": "began", "site": SECRETS["site"]}).encode())
    (paths.logs / "ankong.log").write_bytes(b"\n".join(lines) + b"\n")
    installation = InstalledAgent(paths=paths, machine=make_machine())
    path = tmp_path / "bundle.zip"
    write_bundle(path, installation, Report(()))
    with zipfile.ZipFile(path) as bundle:
        (line,) = bundle.read("log.jsonl").splitlines()
    assert json.loads(line) == {**good, "event": "began"}


def test_the_bundle_of_a_broken_installation_is_still_made(
    tmp_path: Path, make_machine: MachineFactory
) -> None:
    paths = Paths(tmp_path / "state")
    paths.prepare()
    paths.config.write_bytes(b"\xff")
    paths.logs.mkdir()
    (paths.logs / "ankong.log").write_bytes(b"\xff\n[]\n7\n{}\n" + b"[" * 100_000 + b"\n")
    installation = InstalledAgent(paths=paths, machine=make_machine())
    path = tmp_path / "bundle.zip"
    write_bundle(path, installation, examination.examine(installation))
    with zipfile.ZipFile(path) as bundle:
        assert bundle.read("log.jsonl") == b""
        assert json.loads(bundle.read("settings.json")) == {"broken": True}
