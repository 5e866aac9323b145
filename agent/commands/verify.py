"""``ankong verify``: check a signature, a signed PDF or a login, and show who made it."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from agent.commands.colour import Colour, coloured
from agent.commands.out_file import add_out
from agent.commands.output import say, say_json
from agent.commands.parser import CommandParser, JsonOptions, UnfitOptionsError, define
from agent.commands.times import local_time
from agent.commands.tongue import tell
from agent.commands.verify_login import LoginQuestion, judge_login, say_login
from agent.commands.verify_pdf import PdfQuestion, is_pdf, verify_document
from agent.harmless import printable
from agent.pki.report import Inputs, ReportVerdict, verify_files
from agent.pki.result import PathStatus
from agent.relying import Purpose

EXIT_STATUS: Final = {
    ReportVerdict.VALID: 0,
    ReportVerdict.INVALID: 1,
    ReportVerdict.NOT_PROVEN: 3,
}
EXIT_NOT_JUDGED: Final = 2
"""The exit status where the files or options given do not allow a verdict."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyOptions(JsonOptions):
    """The options of ``verify``.

    Attributes:
        file: the CMS signature, or a PDF.
        content: the signed document; None if the signature contains it.
        anchors: files of trusted root certificates.
        intermediates: files of intermediate certificates.
        crl: files of revocation lists.
        time_anchors: files of root certificates that are trusted for timestamps of PDFs.
        login: whether it is judged as a login to the site that the next options describe.
        origin: what browsers call that site.
        challenge: what it issued, as it stands in the login.
        purpose: what for.
        extract: the number of a PDF's signature, whose version is taken out.
        out: the file that it is written to.
        force: whether that file may be there already, and is replaced.
        password_stdin: whether a PDF's own password is read from standard input.

    """

    file: Path
    content: Path | None = None
    anchors: list[Path]
    intermediates: list[Path]
    crl: list[Path]
    time_anchors: list[Path]
    login: bool = False
    origin: list[str]
    challenge: str | None = None
    purpose: str
    extract: int | None = None
    out: Path | None = None
    force: bool = False
    password_stdin: bool = False


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, VerifyOptions, verify)
    parser.set_defaults(exit_failed=EXIT_NOT_JUDGED)
    parser.ending = "cli.verify.ending"
    parser.add_argument("file", type=Path, metavar="FILE", help="cli.verify.file")
    parser.add_argument("--content", type=Path, metavar="FILE", help="cli.verify.content")
    for name in ("anchors", "intermediates", "crl", "time_anchors"):
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help=f"cli.verify.{name}",
        )
    parser.add_argument("--login", action="store_true", help="cli.verify.login")
    parser.add_argument(
        "--origin", action="append", default=[], metavar="ORIGIN", help="cli.verify.origin"
    )
    parser.add_argument("--challenge", metavar="TEXT", help="cli.verify.challenge")
    parser.add_argument(
        "--purpose",
        choices=tuple(map(str, Purpose)),
        default=str(Purpose.LOGIN),
        help="cli.verify.purpose",
    )
    parser.add_argument("--extract", type=int, metavar="N", help="cli.verify.extract")
    add_out(parser, text="cli.verify.out")
    parser.add_argument("--password-stdin", action="store_true", help="cli.verify.password_stdin")


def verify(options: VerifyOptions) -> int:
    """Check a signature and its certificate path; return the exit status of the verdict.

    Raises:
        AgentError: nothing can be judged.
        OSError: the file cannot be read.

    """
    if (options.extract is None) is not (options.out is None):
        raise UnfitOptionsError(
            "--extract and --out go together", said=("cli.error.extract_and_out", {})
        )
    inputs = Inputs(
        message=options.file,
        content=options.content,
        anchors=options.anchors,
        intermediates=options.intermediates,
        crls=options.crl,
    )
    now = datetime.now(UTC)
    # Whoever says what the site knows wants it looked at, with or without the first of the options.
    is_login = bool(options.login or options.origin or options.challenge)
    # A login is never a PDF: whoever sends one as their login has it refused as no signature.
    if options.content is None and not is_login and is_pdf(options.file):
        return verify_document(_pdf_question(options, inputs), now)
    if options.extract is not None:
        raise UnfitOptionsError(
            "--extract is for PDFs", said=("cli.error.extract_pdf", {"path": options.file})
        )
    if is_login:
        question = LoginQuestion(options.origin, options.challenge, Purpose(options.purpose))
        report, tell_people = asyncio.run(judge_login(inputs, question, now)), say_login
    else:
        report, tell_people = asyncio.run(verify_files(inputs, now)), _say_verdict
    if options.json:
        say_json(report)
    else:
        tell_people(report)
    return EXIT_STATUS[report["verdict"]]


def _pdf_question(options: VerifyOptions, inputs: Inputs) -> PdfQuestion:
    return PdfQuestion(
        inputs=inputs,
        extract=options.extract,
        out=options.out,
        force=options.force,
        password_stdin=options.password_stdin,
        json=options.json,
        times=options.time_anchors,
        state_dir=options.state_dir,
    )


def _say_verdict(report: dict[str, Any]) -> None:
    if report["signature"] != "good":
        _say_first(Colour.RED, "no_signature")
        say(f"  {printable(report['error'])}")
        return
    signed, signer, chain = report["signed"], report["signer"], report["chain"]
    subject = printable(signer["subject"])
    match report["verdict"]:
        case ReportVerdict.VALID:
            _say_first(Colour.GREEN, "proven", subject=subject)
        case ReportVerdict.NOT_PROVEN if chain["status"] == PathStatus.VALID:
            _say_first(Colour.YELLOW, "other_time")
            _say_more("holder", subject=subject)
        case ReportVerdict.NOT_PROVEN:
            _say_first(Colour.YELLOW, "nobody")
            _say_more("calls", subject=subject)
        case _:
            _say_first(Colour.RED, "bad_certificate")
            say(f"  {subject}")
    if report["login"] is None:
        _say_time(signed["signing_time"], signed["hash"])
    else:
        _say_login(report["login"], signed["hash"])
    _say_certificate(report)


def _say_certificate(report: dict[str, Any]) -> None:
    signer, chain = report["signer"], report["chain"]
    if report["verdict"] is ReportVerdict.NOT_PROVEN and chain["status"] == PathStatus.VALID:
        first, last = local_time(signer["not_before"]), local_time(signer["not_after"])
        say(tell("cli.verify.said.only", first=first, last=last))
    else:
        say(tell("cli.verify.said.certificate", status=chain["status"]))
    if chain["status"] == "not_checked":
        _say_more("give_all")
    elif chain["status"] == "unknown" and not chain["detail"]:
        _say_more("give_lists")
    elif chain["detail"]:
        say(f"  {printable(chain['detail'])}")


def _say_first(colour: Colour, name: str, **facts: str) -> None:
    """Print the verdict."""
    say(coloured(tell(f"cli.verify.said.{name}", **facts), colour))


def _say_more(name: str, **facts: str) -> None:
    say(f"  {tell(f'cli.verify.said.{name}', **facts)}")


def _say_time(time: str | None, hash_: str) -> None:
    if time is None:
        _say_more("no_time", hash=hash_)
    else:
        _say_more("time", time=local_time(time), hash=hash_)


def _say_login(login: dict[str, str], hash_: str) -> None:
    _say_time(login["time"], hash_)
    say(tell("cli.verify.said.login"))
    _say_more(f"{login['purpose']}_to", origin=login["origin"])
    _say_more("challenge", challenge=login["challenge"])
    _say_more("login_site")
