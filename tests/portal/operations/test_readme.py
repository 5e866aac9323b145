"""The operator's page leads from nothing to a running service: its commands are run here."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from agent.portal.demo.programs import free_port
from agent.virtualcard.issuer import TestIssuer
from tests.portal.postgres import Cluster, find_program
from tests.portal.support import Person, public_pem, publish

README = Path(__file__).resolve().parents[3] / "agent" / "portal" / "README.md"
SECONDS = 500  # on a loaded machine


def blocks(kind: str) -> list[str]:
    """Return the page's blocks of a language, after the heading of the operator's walk."""
    text = README.read_text("utf-8").partition("## From nothing to a running service")[2]
    text = text.partition("\n## ")[0]
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def machine(tmp_path: Path, test_issuer: TestIssuer, citizen: Person) -> Path:
    """A folder that stands for the server's root."""
    settings = tmp_path / "etc" / "ankong-portal"
    for name in ("anchors", "intermediates", "lists"):
        (settings / name).mkdir(parents=True)
    for folder in ("var/lib/ankong-portal", "var/backups", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    publish(test_issuer, tmp_path)
    for name, folder in (
        ("root.cer", "anchors"),
        ("ca.cer", "intermediates"),
        ("root.crl", "lists"),
        ("ca.crl", "lists"),
    ):
        shutil.move(tmp_path / name, settings / folder / name)
    (settings / "clerk.cer").write_bytes(public_pem(citizen.certificate))
    (settings / "sms.token").write_text("token of a test\n")
    command = tmp_path / "bin" / "ankong-portal"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m agent.portal "$@"\n')
    command.chmod(0o700)
    return tmp_path


def on_this_machine(text: str, machine: Path, ports: dict[str, int]) -> str:
    for path in ("/etc/ankong-portal", "/var/lib/ankong-portal", "/var/backups"):
        text = text.replace(path, f"{machine}{path}")
    for written, port in ports.items():
        text = re.sub(rf"\b{written}\b", str(port), text)
    return text


@pytest.mark.sqlite
@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 100)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_page_leads_to_a_running_service(
    kind: str, machine: Path, request: pytest.FixtureRequest
) -> None:
    ports = dict(zip(("18081", "8081"), (free_port(), free_port()), strict=True))
    (settings,) = blocks("toml")
    settings = on_this_machine(settings, machine, ports)
    environment = {**os.environ, "PATH": f"{machine / 'bin'}:{os.environ['PATH']}"}
    if kind == "sqlite":
        settings = f'db = "{machine}/var/lib/ankong-portal/portal.db"\n{settings}'
        environment = {
            name: value
            for name, value in environment.items()
            if not name.startswith("ANKONG_PORTAL_")
        }
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        environment["ANKONG_PORTAL_DB"] = cluster.create_database("by_readme")
        environment["ANKONG_PORTAL_KEY"] = f"{machine}/var/lib/ankong-portal/portal.key"
        pg_dump = find_program("pg_dump")
        assert pg_dump is not None
        environment["PATH"] += f":{Path(pg_dump).parent}"
    (machine / "etc/ankong-portal/portal.toml").write_text(settings, "utf-8")
    script = "set -eux\n" + on_this_machine("\n".join(blocks("sh")), machine, ports) + "\nkill $!\n"
    script += "wait $! || true\n"
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert "櫃員測試  clerk" in done.stdout
    assert "database: ok" in done.stdout
    assert "ankong_portal_ready" in done.stdout
    assert (machine / "var/backups/portal-monday").stat().st_size > 1000


def test_the_page_names_every_command_and_metric() -> None:
    from agent.portal.operations.command import _COMMANDS
    from agent.portal.operations.metrics import PortalMetrics

    text = README.read_text("utf-8")
    for name in _COMMANDS:
        assert f"ankong-portal {name}" in text
    known = {family.name for family in PortalMetrics().registry.collect()}
    for name in re.findall(r"ankong_portal_\w+", text):
        assert name.removesuffix("_total") in known or name.endswith("-*.whl"), name


def test_the_settings_are_toml() -> None:
    (settings,) = blocks("toml")
    assert tomllib.loads(settings)["demo"] is False
