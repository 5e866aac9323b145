"""``ankong porter``: hold the ports of a terminal server for the agents of all its users."""

import logging
import signal
import sys
from argparse import ArgumentTypeError
from collections.abc import Sequence
from dataclasses import dataclass

from agent.commands.output import log_aside
from agent.commands.parser import CommandOptions, CommandParser, UnfitOptionsError, define
from agent.host.machine.descriptors import raise_descriptor_limit
from agent.host.machine.memory import leave_no_core
from agent.host.porter.porter_wire import MAX_PORTS, REGISTRY
from agent.host.settings.config import HIPKI_PORT, NATIVE_PORTS
from agent.web.front.listen import PortTakenError, listen


@dataclass(frozen=True, kw_only=True, slots=True)
class PorterOptions(CommandOptions):
    """The options of ``porter``.

    Attributes:
        ports: of plain HTTP; None for the one of the old component.
        tls_ports: of HTTPS; None for the first one of the native API.

    """

    ports: Sequence[int] | None = None
    tls_ports: Sequence[int] | None = None

    @property
    def plain(self) -> tuple[int, ...]:
        """The ports on which people can be told why they are turned away."""
        return (HIPKI_PORT,) if self.ports is None else tuple(self.ports)

    @property
    def tls(self) -> tuple[int, ...]:
        """The others."""
        return NATIVE_PORTS[:1] if self.tls_ports is None else tuple(self.tls_ports)


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, PorterOptions, hold)
    for name, dest in (("--port", "ports"), ("--tls-port", "tls_ports")):
        parser.add_argument(
            name,
            action="append",
            type=_port,
            metavar="N",
            dest=dest,
            help=f"cli.porter.{dest}",
        )
    parser.ending = "cli.porter.ending"


def _port(text: str) -> int:
    """Read a port; 0 is none: no agent could know which one it became.

    Raises:
        ArgumentTypeError: it is none.

    """
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= 0xFFFF:
        raise ArgumentTypeError("cli.usage.fixed_port")
    return int(text)


def hold(options: PorterOptions) -> int:
    """Hold the ports until a signal ends it.

    Raises:
        UnfitOptionsError: this system has no porter, a port was named twice, or they are too many.
        OSError: the place where agents register cannot be used.

    """
    ports = (*options.plain, *options.tls)
    if len(set(ports)) != len(ports):
        raise UnfitOptionsError("a port is named twice", said=("cli.error.port_twice", {}))
    if len(ports) > MAX_PORTS:
        text = ("cli.error.many_ports", {"most": MAX_PORTS})
        raise UnfitOptionsError(f"a porter has {MAX_PORTS} ports at most", said=text)
    if sys.platform != "linux":
        raise UnfitOptionsError("there is no porter here", said=("cli.error.no_porter", {}))
    log_aside(logging.INFO)
    leave_no_core()
    raise_descriptor_limit()
    _hold(options)
    return 0


def _hold(options: PorterOptions) -> None:
    from agent.host.porter.porter_loop import Porter, PorterPlan  # noqa: PLC0415  # Linux only
    from agent.host.porter.unix_door import open_registry  # noqa: PLC0415  # likewise
    from agent.host.porter.unix_entrance import UnixEntrance  # noqa: PLC0415  # likewise
    from agent.host.porter.users import LinuxUsers  # noqa: PLC0415  # likewise

    users = LinuxUsers()
    plan = PorterPlan(
        plain=options.plain,
        tls=options.tls,
        take=lambda port: listen((port,)),
        taken=PortTakenError,
        users=users,
    )
    porter = Porter(plan, UnixEntrance(open_registry(REGISTRY), users.person))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: porter.stop())
    porter.run()
