"""``ankong verify``: check a CMS signature or a login, and show who made it."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from agent.commands.output import say, say_json
from agent.commands.parser import CommandParser, JsonOptions, define
from agent.harmless import printable
from agent.pki.report import Inputs, ReportVerdict, verify_files
from agent.pki.result import PathStatus

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
        file: the CMS signature.
        content: the signed document; None if the signature contains it.
        anchors: files of trusted root certificates.
        intermediates: files of intermediate certificates.
        crl: files of revocation lists.

    """

    file: Path
    content: Path | None = None
    anchors: list[Path]
    intermediates: list[Path]
    crl: list[Path]


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, VerifyOptions, verify)
    parser.set_defaults(exit_failed=EXIT_NOT_JUDGED)
    parser.ending = "cli.verify.ending"
    parser.add_argument("file", type=Path, metavar="FILE", help="cli.verify.file")
    parser.add_argument("--content", type=Path, metavar="FILE", help="cli.verify.content")
    for name in ("anchors", "intermediates", "crl"):
        parser.add_argument(
            f"--{name}",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help=f"cli.verify.{name}",
        )


def verify(options: VerifyOptions) -> int:
    """Check a signature and its certificate path; return the exit status of the verdict."""
    inputs = Inputs(
        message=options.file,
        content=options.content,
        anchors=options.anchors,
        intermediates=options.intermediates,
        crls=options.crl,
    )
    report = asyncio.run(verify_files(inputs, datetime.now(UTC)))
    if options.json:
        say_json(report)
    else:
        _say_verdict(report)
    return EXIT_STATUS[report["verdict"]]


def _say_verdict(report: dict[str, Any]) -> None:
    if report["signature"] != "good":
        say("broken: this is no signature that can be accepted for this content")
        say(f"  {printable(report['error'])}")
        return
    signed, signer, chain = report["signed"], report["signer"], report["chain"]
    subject = printable(signer["subject"])
    match report["verdict"]:
        case ReportVerdict.VALID:
            say(f"proven: signed by {subject}")
        case ReportVerdict.NOT_PROVEN if chain["status"] == PathStatus.VALID:
            say("not proven: it says that it was made when its certificate was not valid")
            say(f"  the certificate's holder is {subject}")
        case ReportVerdict.NOT_PROVEN:
            say("not proven: the signature fits the content, but nobody vouches for who made it")
            say(f"  the certificate calls its holder {subject}")
        case _:
            say("broken: the signature fits the content, but its certificate is no good")
            say(f"  {subject}")
    if report["login"] is None:
        time = signed["signing_time"]
        when = "at no stated time" if time is None else f"at {time} by the signer's own clock"
        say(f"  {when}, {signed['hash']}")
    else:
        _say_login(report["login"], signed["hash"])
    if report["verdict"] is ReportVerdict.NOT_PROVEN and chain["status"] == PathStatus.VALID:
        say(f"certificate: from {signer['not_before']} to {signer['not_after']} only")
    else:
        say(f"certificate: {chain['status']}")
    if chain["status"] == "not_checked":
        say("  give --anchors, --intermediates and --crl to have it checked")
    elif chain["status"] == "unknown" and not chain["detail"]:
        say("  nobody said whether it is revoked; give the lists of its issuers with --crl")
    elif chain["detail"]:
        say(f"  {printable(chain['detail'])}")


_PURPOSES: Final = {"login": "to log in to", "identify": "to prove who they are to"}


def _say_login(login: dict[str, str], hash_: str) -> None:
    say(f"  at {login['time']} by the signer's own clock, {hash_}")
    say("this is a login, which is no signature over a document:")
    say(f"  {_PURPOSES[login['purpose']]} {login['origin']}")
    say(f"  with the challenge {login['challenge']}")
    say("  only that site can tell whether it made the challenge, and for whom")
