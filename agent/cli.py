"""The command line: wiring only. Heavy rooms are entered by the command that needs them."""

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from agent import __version__
from agent.errors import AgentError
from agent.secret import SecretBytes

if TYPE_CHECKING:
    from agent.signing.consent import Consent
    from agent.signing.service import SigningService
    from agent.transport.base import CardProvider

T = TypeVar("T")
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
HASHES = ("SHA-256", "SHA-384", "SHA-512")
FORMATS = ("cms", "cms-detached", "pkcs1")
MAX_PIN_LINE = 64  # bytes; a longer line on standard input is no PIN


def run(arguments: Sequence[str]) -> int:
    """Do what the command line says; return the exit status: 0, 1 failed, 2 wrong usage."""
    options = _parser().parse_args(arguments)
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


def _parser() -> argparse.ArgumentParser:
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
    return parser


def _command(commands: Any, name: str, function: Any, text: str) -> argparse.ArgumentParser:
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
    parser = _command(commands, "serve", _serve, "run the agent; prints a JSON line when ready")
    _add_provider(parser)
    parser.add_argument("--port", type=_port, metavar="N", help="HTTPS port (default 28443)")
    parser.add_argument(
        "--hipki-port", type=_port, metavar="N", help="plain HTTP port (default 61161)"
    )
    parser.add_argument(
        "--consent",
        choices=("ask", "allow", "deny"),
        help="who may use the card: ask the citizen, or answer for them (default: ask)",
    )


def _add_certificates(commands: Any) -> None:
    parser = _command(commands, "certificates", _certificates, "list the certificates on the card")
    _add_provider(parser)
    parser.add_argument("--reader", metavar="NAME", help="only this reader")
    parser.add_argument("--json", action="store_true", help="for programs")


def _add_sign(commands: Any) -> None:
    parser = _command(commands, "sign", _sign, "sign a file with the card")
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
    parser = _command(commands, "verify", _verify, "check a signature made by 'ankong sign'")
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
    new = _command(actions, "new", _card_new, "make a virtual card")
    new.add_argument("--generation", choices=("1", "2"), default="2")
    new.add_argument("--name", required=True, help="the invented holder's name")
    new.add_argument("--id-number", metavar="ID", help="an invented ID number (default: generated)")
    new.add_argument("--pin", required=True, help="6 to 8 characters; it is a test card")
    new.add_argument("--out", type=Path, required=True, metavar="FILE")
    new.add_argument(
        "--issuer",
        type=Path,
        metavar="DIR",
        help="the test authority's folder, made when it is not there (default: in the state folder)",
    )
    new.add_argument(
        "--validity",
        choices=("valid", "expired", "not-yet-valid", "revoked"),
        default="valid",
        help="what is wrong with its certificates",
    )
    new.add_argument("--json", action="store_true", help="for programs")
    insert = _command(actions, "insert", _card_insert, "put a virtual card into a vpcd reader")
    insert.add_argument("file", type=Path, metavar="FILE")
    insert.add_argument(
        "--vpcd", required=True, metavar="HOST:PORT", help="such as localhost:35963"
    )
    scenarios = _command(actions, "scenarios", _card_scenarios, "list prepared test cards")
    scenarios.add_argument("--json", action="store_true", help="for programs")
    scenarios.add_argument("--make", metavar="NAME", help="make this one instead of listing")
    scenarios.add_argument("--out", type=Path, metavar="FILE")
    scenarios.add_argument("--issuer", type=Path, metavar="DIR")


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port is 0 to 65535")
    return number


# Putting the rooms together.


def _provider(options: argparse.Namespace) -> "CardProvider":
    kind = options.provider or ("virtual" if options.virtual_card else "pcsc")
    if kind == "pcsc":
        from agent.transport.pcsc import PcscProvider  # noqa: PLC0415  # needs the PC/SC library

        return PcscProvider()
    from agent.virtualcard.drawer import open_drawer  # noqa: PLC0415  # testers only

    return open_drawer(options.virtual_card)


def _consent(answer: str) -> "Consent":
    from agent.signing.consent import AlwaysAllow, Refuse  # noqa: PLC0415

    if answer == "allow":
        return AlwaysAllow()
    if answer == "deny":
        return Refuse("whoever started the agent refuses every site")
    return Refuse("this version has no window yet to ask the citizen in")


async def _with_service(
    options: argparse.Namespace, use: Callable[["SigningService"], Coroutine[Any, Any, T]]
) -> T:
    """Run one use case for the person at this computer, without the daemon."""
    from agent.signing.consent import AlwaysAllow  # noqa: PLC0415
    from agent.signing.service import SigningService  # noqa: PLC0415

    service = SigningService(_provider(options), AlwaysAllow())
    await service.start()
    try:
        return await use(service)
    finally:
        await service.close()


# The commands.


def _certificates(options: argparse.Namespace) -> int:
    from agent.signing.sites import LOCAL_USER  # noqa: PLC0415
    from agent.web.messages import certificate_answer  # noqa: PLC0415  # same words as the API's

    found = asyncio.run(
        _with_service(options, lambda service: service.certificates(LOCAL_USER, options.reader))
    )
    if options.json:
        rows = [certificate_answer(certificate) for certificate in found]
        print(json.dumps({"certificates": rows}, ensure_ascii=False))
        return EXIT_OK
    for certificate in found:
        facts = certificate.facts
        print(f"{certificate.reader}: {certificate.id} {certificate.label}")
        print(f"  {facts.subject}")
        print(f"  {facts.not_before:%Y-%m-%d} – {facts.not_after:%Y-%m-%d}")
        print(f"  {facts.thumbprint.hex()}")
    return EXIT_OK


def _sign(options: argparse.Namespace) -> int:
    from agent.cms.digest import HashAlgorithm  # noqa: PLC0415
    from agent.signing.model import Document, SignatureFormat, SignRequest  # noqa: PLC0415
    from agent.signing.sites import LOCAL_USER  # noqa: PLC0415

    request = SignRequest(
        documents=(Document(data=options.file.read_bytes(), name=options.file.name),),
        hash=HashAlgorithm(options.hash),
        format=SignatureFormat(options.format),
        reader=options.reader,
    )
    pin = _read_pin(from_stdin=options.pin_stdin)
    result = asyncio.run(
        _with_service(options, lambda service: service.sign(LOCAL_USER, request, pin))
    )
    (signature,) = result.signatures
    options.out.write_bytes(signature)
    certificate = result.certificate
    if options.json:
        answer = {"out": str(options.out), "thumbprint": certificate.facts.thumbprint.hex()}
        print(json.dumps(answer, ensure_ascii=False))
    else:
        print(f"{options.out}: {options.format}, {options.hash}, {certificate.facts.subject}")
    return EXIT_OK


def _read_pin(*, from_stdin: bool) -> SecretBytes:
    """Read the PIN without showing it; never from an argument or the environment."""
    if not from_stdin and sys.stdin.isatty():
        return SecretBytes.from_text(getpass.getpass("PIN: "))
    line = bytearray(sys.stdin.buffer.readline(MAX_PIN_LINE))
    while line and line[-1] in b"\r\n":
        line.pop()
    return SecretBytes(line)
