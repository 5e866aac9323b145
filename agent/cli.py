"""The command line: wiring only. Heavy rooms are entered by the command that needs them."""

import argparse
import asyncio
import contextlib
import io
import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent import __version__
from agent.errors import AgentError
from agent.host.settings.flags import add_flags, given_flags

if TYPE_CHECKING:
    from agent.commands.daemon import ServeOptions
    from agent.transport.base import CardProvider

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
HASHES = ("SHA-256", "SHA-384", "SHA-512")
FORMATS = ("cms", "cms-detached", "pkcs1")


def run(arguments: Sequence[str], add: Sequence[Callable[[Any], None]] = ()) -> int:
    """Do what the command line says.

    Args:
        arguments: without the name of the program.
        add: each adds commands of floors above to the parsers that it is given.

    Returns:
        The exit status: 0, 1 failed, 2 wrong usage.

    """
    _accept_every_text()
    options = _parser(add).parse_args(arguments)
    try:
        status: int = options.command(options)
    except AgentError as error:
        _complain(options, error)
        return EXIT_FAILED
    except OSError as error:
        print(f"ankong: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return status


def _accept_every_text() -> None:
    """Let no text fail to be printed: on Windows a pipe knows the old code page's letters only."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _complain(options: argparse.Namespace, error: AgentError) -> None:
    """Say what went wrong: as JSON on standard output where --json was asked for."""
    if getattr(options, "json", False):
        answer: dict[str, object] = {"code": str(error.code), "message": error.detail}
        answer["retriable"] = error.retriable
        if error.attempts_left is not None:
            answer["attempts_left"] = error.attempts_left
        print(json.dumps({"error": answer}, ensure_ascii=False))
        return
    left = "" if error.attempts_left is None else f" (tries left: {error.attempts_left})"
    print(f"ankong: {error.code}: {error.detail}{left}", file=sys.stderr)


# The words of the command line.


def _parser(add: Sequence[Callable[[Any], None]]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ankong", description="安控: a local smart-card signing agent"
    )
    parser.add_argument("--version", action="version", version=f"ankong {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_certificates(commands)
    _add_sign(commands)
    _add_verify(commands)
    _add_card(commands)
    _add_trust(commands)
    _add_doctor(commands)
    _add_panel(commands)
    _add_setup(commands)
    _add_sites(commands)
    _add_history(commands)
    for each in add:
        each(commands)
    return parser


def add_command(commands: Any, name: str, function: Any, text: str) -> argparse.ArgumentParser:
    """Add a command; ``function`` is given the options and returns the exit status."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(command=function)
    parser.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="keep everything here: settings, local certificate, logs; nothing outside is touched",
    )
    return parser


def _add_provider(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--provider",
        choices=("pcsc", "virtual"),
        help="real readers, or virtual ones in this process (default: pcsc; with --virtual-card: "
        "virtual)",
    )
    parser.add_argument(
        "--virtual-card",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a card made by 'ankong card new', in a virtual reader of its own; may be repeated",
    )


def _add_serve(commands: Any) -> None:
    parser = add_command(commands, "serve", _serve, "run the agent; prints a JSON line when ready")
    add_run_options(parser)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add what every command that runs the agent understands (see :func:`serve_options`)."""
    _add_provider(parser)
    add_flags(parser)


def _add_panel(commands: Any) -> None:
    parser = add_command(commands, "panel", _panel, "open the running agent's panel in the browser")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--print", action="store_true", help="print its address instead; good once")
    how.add_argument("--json", action="store_true", help="likewise, for programs")


def _add_setup(commands: Any) -> None:
    add_command(commands, "quit", _quit, "ask the running agent to end, and wait until it has")
    text = "for installers: set the program up for this user, or undo that"
    setup = commands.add_parser("setup", help=text, description=text)
    actions = setup.add_subparsers(required=True, metavar="ACTION")
    complete = add_command(
        actions,
        "complete",
        _setup_complete,
        "make the certificate, have it trusted, start at sign-in",
    )
    for name, what in (("autostart", "start the agent at sign-in"), ("trust", "have it trusted")):
        text = f"{what} (default: yes)"
        complete.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=text)
    undo = add_command(actions, "undo", _setup_undo, "end the agent and undo what complete did")
    undo.add_argument("--forget", action="store_true", help="history and sites too")
    for parser in (complete, undo):
        parser.add_argument("--json", action="store_true", help="for programs")


def _add_certificates(commands: Any) -> None:
    parser = add_command(
        commands, "certificates", _certificates, "list the certificates on the card"
    )
    _add_provider(parser)
    parser.add_argument("--reader", metavar="NAME", help="only this reader")
    parser.add_argument("--json", action="store_true", help="for programs")


def _add_sign(commands: Any) -> None:
    parser = add_command(commands, "sign", _sign, "sign a file with the card")
    _add_provider(parser)
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--format", choices=FORMATS, default="cms")
    parser.add_argument("--hash", choices=HASHES, default="SHA-256")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--reader", metavar="NAME", help="the card in this reader")
    parser.add_argument(
        "--pin-stdin", action="store_true", help="read the PIN from standard input, one line"
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def _add_verify(commands: Any) -> None:
    parser = add_command(commands, "verify", _verify, "check a signature made by 'ankong sign'")
    parser.add_argument("file", type=Path, metavar="FILE", help="the CMS signature")
    parser.add_argument("--content", type=Path, metavar="FILE", help="what a detached one is over")
    parser.add_argument(
        "--anchors", type=Path, action="append", default=[], metavar="FILE", help="trusted roots"
    )
    parser.add_argument("--intermediates", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument(
        "--crl", type=Path, action="append", default=[], metavar="FILE", help="revocation lists"
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def _add_card(commands: Any) -> None:
    text = "make and use virtual cards"
    card = commands.add_parser("card", help=text, description=text)
    actions = card.add_subparsers(required=True, metavar="ACTION")
    new = add_command(actions, "new", _card_new, "make a virtual card")
    new.add_argument("--generation", choices=("1", "2"), default="2")
    new.add_argument("--name", required=True, help="the invented holder's name")
    new.add_argument("--id-number", metavar="ID", help="an invented ID number (default: generated)")
    new.add_argument("--pin", required=True, help="6 to 8 characters; it is a test card")
    new.add_argument("--out", type=Path, required=True, metavar="FILE")
    new.add_argument(
        "--issuer",
        type=Path,
        metavar="DIR",
        help="the test authority's folder, made when missing (default: in the state folder)",
    )
    new.add_argument(
        "--validity",
        choices=("valid", "expired", "not-yet-valid", "revoked"),
        default="valid",
        help="what is wrong with its certificates",
    )
    new.add_argument("--json", action="store_true", help="for programs")
    insert = add_command(actions, "insert", _card_insert, "put a virtual card into a vpcd reader")
    insert.add_argument("file", type=Path, metavar="FILE")
    insert.add_argument(
        "--vpcd", required=True, metavar="HOST:PORT", help="such as localhost:35963"
    )
    scenarios = add_command(actions, "scenarios", _card_scenarios, "list prepared test cards")
    scenarios.add_argument("--json", action="store_true", help="for programs")
    scenarios.add_argument("--make", metavar="NAME", help="make this one instead of listing")
    scenarios.add_argument("--out", type=Path, metavar="FILE")
    scenarios.add_argument("--issuer", type=Path, metavar="DIR")


def _add_trust(commands: Any) -> None:
    text = "let browsers trust the local certificate, or no longer"
    trust = commands.add_parser("trust", help=text, description=text)
    actions = trust.add_subparsers(required=True, metavar="ACTION")
    check = add_command(actions, "check", _trust_check, "say which trust stores know us")
    install = add_command(actions, "install", _trust_install, "make this user's stores trust us")
    install.add_argument(
        "--system", action="store_true", help="also the stores of all users, as administrator"
    )
    uninstall = add_command(
        actions, "uninstall", _trust_uninstall, "undo all that install ever did"
    )
    for parser in (check, install, uninstall):
        parser.add_argument("--json", action="store_true", help="for programs")


def _add_doctor(commands: Any) -> None:
    parser = add_command(commands, "doctor", _doctor, "find out what is wrong, and repair it")
    _add_provider(parser)
    parser.add_argument("--repair", metavar="NAME", help="carry out a repair that was named before")
    parser.add_argument(
        "--bundle", type=Path, metavar="FILE.zip", help="for those who help; no personal data"
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def _add_sites(commands: Any) -> None:
    parser = add_command(commands, "sites", _sites, "which sites may use the card; decide anew")
    decisions = ("allow", "block", "forget")
    parser.add_argument("decision", nargs="?", choices=decisions, metavar="|".join(decisions))
    parser.add_argument("origin", nargs="?", metavar="ORIGIN", help="such as https://site.example")
    parser.add_argument("--json", action="store_true", help="for programs")


def _add_history(commands: Any) -> None:
    parser = add_command(commands, "history", _history, "what was done with the card")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="for programs")
    how.add_argument("--csv", action="store_true", help="for spreadsheets")
    parser.add_argument("--limit", type=_count, metavar="N", help="only the newest N lines")
    parser.add_argument(
        "--verify", action="store_true", help="also check every line; fails where one was changed"
    )


def _count(text: str) -> int:
    if not 0 < (number := int(text)) < 2**63:
        raise argparse.ArgumentTypeError("a count is 1 or more")
    return number


# Putting the rooms together.


def _provider(options: argparse.Namespace) -> "CardProvider":
    kind = options.provider or ("virtual" if options.virtual_card else "pcsc")
    if kind == "pcsc":
        from agent.transport.pcsc import PcscProvider  # needs the PC/SC library

        return PcscProvider()
    from agent.virtualcard.drawer import Drawer  # testers only

    return Drawer(options.virtual_card)


# The commands.


def serve_options(options: argparse.Namespace) -> "ServeOptions":
    """Return what a command line with the options of ``serve`` says."""
    from agent.commands.daemon import ServeOptions

    return ServeOptions(
        make_provider=lambda: _provider(options),
        state_dir=options.state_dir,
        flags=given_flags(options),
    )


def _serve(options: argparse.Namespace) -> int:
    from agent.commands.daemon import Daemon, Observer, opened

    class Printing(Observer):
        def ready(self, facts: dict[str, Any]) -> None:
            print(json.dumps(facts), flush=True)

    async def until_stopped(daemon: Daemon) -> None:
        await daemon.run(_stop_event(), Printing())

    with opened(serve_options(options)) as daemon:
        asyncio.run(until_stopped(daemon))
    return EXIT_OK


def _panel(options: argparse.Namespace) -> int:
    from agent.commands.browser import open_address
    from agent.host.instance.panel_key import panel_address
    from agent.host.machine.paths import Paths

    address = panel_address(Paths.choose(options.state_dir))
    if options.json:
        print(json.dumps({"url": address}))
    elif options.print or not open_address(address):
        print(address)
    return EXIT_OK


def _quit(options: argparse.Namespace) -> int:
    from agent.commands import setup

    return setup.leave(options)


def _setup_complete(options: argparse.Namespace) -> int:
    from agent.commands import setup

    return setup.complete(options)


def _setup_undo(options: argparse.Namespace) -> int:
    from agent.commands import setup

    return setup.undo(options)


def _stop_event() -> asyncio.Event:
    """Make an event that the signals to end set; Ctrl-C on Windows raises instead."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stopped.set)
    return stopped


def _certificates(options: argparse.Namespace) -> int:
    from agent.commands import own_card

    return own_card.certificates(options, _provider(options))


def _sign(options: argparse.Namespace) -> int:
    from agent.commands import own_card

    return own_card.sign(options, _provider(options))


def _verify(options: argparse.Namespace) -> int:
    from agent.commands import verify

    return verify.verify(options)


def _sites(options: argparse.Namespace) -> int:
    from agent.commands import sites

    return sites.sites(options)


def _history(options: argparse.Namespace) -> int:
    from agent.commands import history

    return history.history(options)


def _card_new(options: argparse.Namespace) -> int:
    from agent.commands import card

    return card.new(options)


def _card_scenarios(options: argparse.Namespace) -> int:
    from agent.commands import card

    return card.scenarios(options)


def _card_insert(options: argparse.Namespace) -> int:
    from agent.commands import card

    return card.insert(options)


def _trust_check(options: argparse.Namespace) -> int:
    from agent.commands import trust

    return trust.check(options)


def _trust_install(options: argparse.Namespace) -> int:
    from agent.commands import trust

    return trust.install(options)


def _trust_uninstall(options: argparse.Namespace) -> int:
    from agent.commands import trust

    return trust.uninstall(options)


def _doctor(options: argparse.Namespace) -> int:
    from agent.commands import doctor

    return doctor.run(options, lambda: _provider(options))
