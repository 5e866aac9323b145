"""The programs of the demo: identity service, mobile operator, portal, agent.

Their files are in one state directory: ``issuer/`` and ``card.json`` (made before), ``portal/``,
``agent/``, ``logs/`` with each program's standard error.
"""

import os
import secrets
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agent.portal.config import DemoCard
from agent.portal.demo.children import Child, Children, DemoError

_PORTAL: Final = "portal"
OPERATOR: Final = "示範電信"
_COMMAND_TIMEOUT_S: Final = 60.0
USUAL_PORTS: Final = (28443, 61161)
"""The ports on which pages look for an installed agent: TLS, then plain HTTP."""
_SERVERS: Final = range(10_000, 16_384)
"""Ports that no system gives to clients, and that none of our programs has of its own accord."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The agent's ports; the portal's pages are given them before the agent runs."""

    tls: int
    ping: int

    @classmethod
    def choose(cls, *, usual: bool) -> "Ports":
        """Return ``USUAL_PORTS`` if ``usual`` is set and both are free, else any two free ports."""
        if usual and all(_is_free(port) for port in USUAL_PORTS):
            return cls(*USUAL_PORTS)
        return cls(free_port(), free_port())


def free_port() -> int:
    """Return a port for a server that comes and goes.

    A port that the system picks is one that it gives to clients, too: while the server is away,
    whoever connects to anything may get it.
    """
    return next(port for port in iter(lambda: secrets.choice(_SERVERS), None) if _is_free(port))


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


@dataclass(slots=True)
class DemoPrograms:
    """The demo's programs.

    Attributes:
        children: starts and ends the processes.
        state: the state directory.
        ports: the agent's.
        card_arguments: arguments of ``ankong serve`` that choose readers and card.
        environment: variables for the agent, to find a private PC/SC daemon.
        downloads: directory of the installers that the portal offers; None for none.
        consent: value of the agent's ``--consent``; "ask" needs a display.
        card: ID number and PIN of the card, for the pages to name; None where nobody reads them.
        url: the portal's address; "" before it runs.

    """

    children: Children
    state: Path
    ports: Ports
    card_arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    downloads: Path | None = None
    consent: str = "allow"
    card: DemoCard | None = None
    url: str = ""
    _ics_url: str = ""
    _operator_url: str = ""
    _agent: Child | None = None

    @property
    def authority(self) -> Path:
        """The file of the agent's local authority, PEM; the agent makes it at its first start."""
        return self.state / "agent" / "tls" / "authority.pem"

    def database_arguments(self, name: str = _PORTAL) -> list[str]:
        """Return the arguments that name a portal's database.

        That of the demo itself is what ``ANKONG_PORTAL_DB`` says, if it is set; without a key named
        by ``ANKONG_PORTAL_KEY`` it has to be an empty one.
        """
        home = self.state / name
        home.mkdir(exist_ok=True)
        address = os.environ.get("ANKONG_PORTAL_DB") if name == _PORTAL else None
        if not address:
            key = home / "portal.db.key"
            return ["--db", str(home / "portal.db"), "--key-file", str(key)]
        key = Path(os.environ.get("ANKONG_PORTAL_KEY") or home / "portal.key")
        return ["--db", address, "--key-file", str(key)]

    def run_command(self, *words: str) -> None:
        """Run a command of the operator on the portal's database.

        Raises:
            DemoError: it refused, or took too long.

        """
        done = self.children.start_module(
            "-".join(words[:2]), "agent.portal", *words, *self.database_arguments()
        )
        try:
            status = done.process.wait(_COMMAND_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise DemoError(f"{words[0]} took too long") from error
        if status:
            raise DemoError(f"{words[0]} ended with {status}:\n{done.error_output()}")

    def start_services(self) -> None:
        """Start the stand-ins for identity service and mobile operator, and the portal.

        Raises:
            DemoError: one of them did not become ready.

        """
        issuer = self.state / "issuer"
        identity = self.children.start_module(
            "identity-service",
            *("agent.portal.ics.standin", "--port", "0"),
            *("--records", str(issuer / "issued.json")),
        )
        self._ics_url = str(_value(identity.wait_ready(), "url"))
        operator = self.children.start_module(
            "operator", "agent.portal.telecom.standin", "--port", "0"
        )
        self._operator_url = str(_value(operator.wait_ready(), "url"))
        self.run_command("migrate")
        self.url = f"http://localhost:{self.start_portal(_PORTAL)}/"

    def start_portal(self, name: str, *arguments: str) -> int:
        """Start a portal with a database of its own; return its port.

        Args:
            name: of its process and of its folder in the state directory.
            arguments: further arguments of ``python -m agent.portal``.

        Raises:
            DemoError: it did not become ready.

        """
        portal = self.children.start_module(name, *self._portal_arguments(name), *arguments)
        return int(_value(portal.wait_ready(), "port"))

    def _portal_arguments(self, name: str) -> list[str]:
        issuer = self.state / "issuer"
        settings = self.state / "portal.toml"
        # another way: the demo's own folder, and the same text each time
        settings.write_text(_settings(self._operator_url, self.card), encoding="utf-8")
        arguments = ["agent.portal", "--config", str(settings), "--port", "0", "--demo"]
        arguments += ["--ics-url", self._ics_url]
        arguments += self.database_arguments(name)
        arguments += ["--anchors", str(issuer / "root.cer")]
        arguments += ["--intermediates", str(issuer / "ca.cer")]
        arguments += ["--crl", str(issuer / "root.crl"), str(issuer / "ca.crl")]
        arguments += ["--agent-ports", str(self.ports.tls)]
        arguments += ["--agent-ping-port", str(self.ports.ping)]
        if self.downloads is not None:
            arguments += ["--downloads", str(self.downloads)]
        return arguments

    def start_agent(self) -> None:
        """Start the agent and wait until it is ready; do nothing if it runs already.

        Raises:
            DemoError: it did not become ready.

        """
        if self._agent is None:
            self._agent = self.children.start_module(
                "agent",
                *("agent", "serve", "--state-dir", str(self.state / "agent")),
                *("--port", str(self.ports.tls), "--hipki-port", str(self.ports.ping)),
                *("--consent", self.consent),
                *self.card_arguments,
                environment=self.environment,
            )
            self._agent.wait_ready()

    def stop_agent(self) -> None:
        """Stop the agent, if it runs."""
        if self._agent is not None:
            self.children.end(self._agent)
            self._agent = None

    def make_authority(self) -> None:
        """Run the agent once, so that it makes its local authority.

        Raises:
            DemoError: it made none.

        """
        self.start_agent()
        self.stop_agent()
        if not self.authority.exists():
            raise DemoError(f"the agent made no authority in {self.authority.parent}")


def _settings(issuer: str, card: DemoCard | None) -> str:
    """Return the tables of settings for the one operator of the demo and for its card (TOML)."""
    told = "" if card is None else f'id_number = "{card.id_number}"\npin = "{card.pin}"\n'
    operator = f'name = "{OPERATOR}"\nissuer = "{issuer}"\nclient_id = "{_PORTAL}"\n'
    return f"{told and '[demo_card]'}\n{told}[[operators]]\n{operator}"


def _value(ready_line: Mapping[str, Any], name: str) -> Any:
    """Return one value of a ready line.

    Raises:
        DemoError: the line does not have it.

    """
    if name not in ready_line:
        raise DemoError(f"a ready line without {name}: {dict(ready_line)}")
    return ready_line[name]
