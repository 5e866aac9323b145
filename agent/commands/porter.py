"""``ankong porter``: hold the ports of a terminal server for the agents of all its users."""

import logging
import signal
import sys
from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent.commands.output import log_aside
from agent.commands.parser import CommandOptions, CommandParser, UnfitOptionsError, define
from agent.host.machine.descriptors import raise_descriptor_limit
from agent.host.machine.memory import leave_no_core
from agent.host.porter.porter_wire import MAX_PORTS, PIPE, REGISTRY
from agent.host.settings.config import HIPKI_PORT, NATIVE_PORTS
from agent.web.front.listen import PortTakenError, listen

if TYPE_CHECKING:
    from agent.host.porter.porter_loop import Porter, PorterPlan
    from agent.host.porter.users import Owners

SERVICE: Final = "AnkongPorter"
"""The name of the service on Windows."""
_SYSTEMS: Final = frozenset({"linux", "win32"})
_WITH_SERVICES: Final = frozenset({"win32"})
_NO_SERVICE: Final[tuple[str, Mapping[str, object]]] = ("cli.error.no_service", {})


@dataclass(frozen=True, kw_only=True, slots=True)
class PorterOptions(CommandOptions):
    """The options of ``porter``.

    Attributes:
        ports: of plain HTTP; None for the one of the old component.
        tls_ports: of HTTPS; None for the first one of the native API.
        service: whether Windows has started it as a service.

    """

    ports: Sequence[int] | None = None
    tls_ports: Sequence[int] | None = None
    service: bool = False

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
    parser.add_argument("--service", action="store_true", help="cli.porter.service")
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
    """Hold the ports until a signal ends it, or Windows does.

    Raises:
        UnfitOptionsError: this system has no porter, a port was named twice, or they are too many;
            or Windows did not start it as a service.
        OSError: the place where agents register cannot be used.

    """
    ports = (*options.plain, *options.tls)
    if len(set(ports)) != len(ports):
        raise UnfitOptionsError("a port is named twice", said=("cli.error.port_twice", {}))
    if len(ports) > MAX_PORTS:
        text = ("cli.error.many_ports", {"most": MAX_PORTS})
        raise UnfitOptionsError(f"a porter has {MAX_PORTS} ports at most", said=text)
    if sys.platform not in _SYSTEMS:
        raise UnfitOptionsError("there is no porter here", said=("cli.error.no_porter", {}))
    if options.service:
        _serve(options)
        return 0
    log_aside(logging.INFO)
    leave_no_core()
    raise_descriptor_limit()
    _hold(options)
    return 0


def _serve(options: PorterOptions) -> None:
    """Hold the ports as a service, which writes into the system's log."""
    from agent.host.porter.service_log import logging_to_events  # noqa: PLC0415  # Windows only
    from agent.host.porter.windows_service import (  # noqa: PLC0415  # likewise
        NotStartedAsServiceError,
        WindowsService,
    )

    if sys.platform not in _WITH_SERVICES:
        raise UnfitOptionsError("services are Windows' own", said=_NO_SERVICE)
    try:
        with logging_to_events():
            WindowsService(SERVICE, lambda: _make_on_windows(options)).run()
    except NotStartedAsServiceError as error:
        raise UnfitOptionsError(str(error), said=_NO_SERVICE) from error


def _hold(options: PorterOptions) -> None:
    make = _make_on_linux if sys.platform == "linux" else _make_on_windows
    porter = make(options)
    signal.set_wakeup_fd(porter.wakes, warn_on_full_buffer=False)  # Windows has no other way
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: porter.stop())
    try:
        porter.run()
    finally:
        signal.set_wakeup_fd(-1)


def _make_on_linux(options: PorterOptions) -> "Porter":
    from agent.host.porter.porter_loop import Porter  # noqa: PLC0415  # few commands need it
    from agent.host.porter.unix_door import open_registry  # noqa: PLC0415  # Linux only
    from agent.host.porter.unix_entrance import UnixEntrance  # noqa: PLC0415  # likewise
    from agent.host.porter.users import LinuxUsers  # noqa: PLC0415  # likewise

    users = LinuxUsers()
    return Porter(_plan(options, users), UnixEntrance(open_registry(REGISTRY), users.person))


def _make_on_windows(options: PorterOptions) -> "Porter":
    from agent.host.peer.windows import open_system  # noqa: PLC0415  # Windows only
    from agent.host.porter.pipe_entrance import PipeEntrance  # noqa: PLC0415  # likewise
    from agent.host.porter.porter_loop import Porter  # noqa: PLC0415  # few commands need it
    from agent.host.porter.server_pipes import WindowsPipes  # noqa: PLC0415  # Windows only
    from agent.host.porter.windows_rights import WindowsRights  # noqa: PLC0415  # likewise
    from agent.host.porter.windows_users import WindowsUsers  # noqa: PLC0415  # likewise

    WindowsRights().give_up()
    users = WindowsUsers(open_system())
    return Porter(_plan(options, users), PipeEntrance(WindowsPipes(PIPE), users.person))


def _plan(options: PorterOptions, users: "Owners") -> "PorterPlan":
    from agent.host.porter.porter_loop import PorterPlan  # noqa: PLC0415  # few commands need it

    return PorterPlan(
        plain=options.plain,
        tls=options.tls,
        take=lambda port: listen((port,)),
        taken=PortTakenError,
        users=users,
    )
