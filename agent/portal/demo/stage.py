"""The programs of the demo: identity service, portal, agent.

All of it lives in one state directory: ``issuer/`` and ``card.json`` (made before), ``portal/``,
``agent/``, ``logs/`` with each program's standard error.
"""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agent.portal.demo.children import Child, Children, DemoError

USUAL_PORTS: Final = (28443, 61161)
"""Where pages look for an agent that was installed: TLS, and the plain-HTTP beacon."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The agent's ports, chosen before it runs because the page has to know them."""

    tls: int
    ping: int

    @classmethod
    def choose(cls, *, usual: bool) -> "Ports":
        """Return the usual ports if they are wanted and free, otherwise any two free ones."""
        if usual and all(_is_free(port) for port in USUAL_PORTS):
            return cls(*USUAL_PORTS)
        any_port = ("127.0.0.1", 0)
        with socket.create_server(any_port) as first, socket.create_server(any_port) as second:
            return cls(first.getsockname()[1], second.getsockname()[1])


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
        children: what starts and ends them.
        state: the state directory.
        ports: where the agent listens.
        card_arguments: what ``ankong serve`` is told about cards.
        environment: what the agent's environment needs besides, to find a private PC/SC daemon.
        downloads: a directory of installers, if there is one.
        consent: who decides whether the portal may use the card; "ask" needs a display.

    """

    children: Children
    state: Path
    ports: Ports
    card_arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    downloads: Path | None = None
    consent: str = "allow"
    url: str = ""
    _ics_url: str = ""
    _agent: Child | None = None

    @property
    def authority(self) -> Path:
        """The agent's local authority, PEM; there once the agent has run."""
        return self.state / "agent" / "tls" / "authority.pem"

    def open_portal(self) -> None:
        """Start the identity service's stand-in, and the portal that asks it.

        Raises:
            DemoError: one of them does not get ready.

        """
        issuer = self.state / "issuer"
        identity = self.children.start_module(
            "identity-service",
            *("agent.portal.ics.standin", "--port", "0"),
            *("--records", str(issuer / "issued.json")),
        )
        self._ics_url = str(_told(identity.wait_ready(), "url"))
        self.url = f"http://localhost:{self.start_portal('portal')}/"

    def start_portal(self, name: str, *arguments: str) -> int:
        """Start a portal with a database of its own and return its port.

        Raises:
            DemoError: it does not get ready.

        """
        portal = self.children.start_module(name, *self._portal_arguments(name), *arguments)
        return int(_told(portal.wait_ready(), "port"))

    def _portal_arguments(self, name: str) -> list[str]:
        issuer, home = self.state / "issuer", self.state / name
        home.mkdir(exist_ok=True)
        arguments = ["agent.portal", "--port", "0", "--demo", "--ics-url", self._ics_url]
        arguments += ["--db", str(home / "portal.db")]
        arguments += ["--anchors", str(issuer / "root.cer")]
        arguments += ["--intermediates", str(issuer / "ca.cer")]
        arguments += ["--crl", str(issuer / "root.crl"), str(issuer / "ca.crl")]
        arguments += ["--agent-ports", str(self.ports.tls)]
        arguments += ["--agent-ping-port", str(self.ports.ping)]
        if self.downloads is not None:
            arguments += ["--downloads", str(self.downloads)]
        return arguments

    def start_agent(self) -> None:
        """Start the agent and wait until it is ready.

        Raises:
            DemoError: it does not get ready.

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

    def found_authority(self) -> None:
        """Run the agent once, as its installer would, so that there is an authority to trust.

        Raises:
            DemoError: it made none.

        """
        self.start_agent()
        self.stop_agent()
        if not self.authority.exists():
            raise DemoError(f"the agent made no authority in {self.authority.parent}")


def _told(facts: Mapping[str, Any], name: str) -> Any:
    """Return one value of a ready line."""
    if name not in facts:
        raise DemoError(f"a ready line without {name}: {dict(facts)}")
    return facts[name]
