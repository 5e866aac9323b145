"""``ankong verify contract.pdf``: who signed a PDF, and whether it was changed since."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from agent.commands.colour import Colour, coloured
from agent.commands.out_file import require_free
from agent.commands.output import say, say_json
from agent.commands.own_service import own_settings, read_password, with_password_hint
from agent.commands.times import local_time
from agent.commands.tongue import tell
from agent.documents.copies import WorkFolder
from agent.documents.evidence_lists import EvidenceLists
from agent.documents.known_proof import MoreTrust
from agent.documents.levels import ProofSettings
from agent.documents.pdf_verification import PdfVerdict, VerifiedPdf, extract, verify_pdf
from agent.documents.pdf_worker import PdfWorker
from agent.errors import AgentError
from agent.files import regular_opener
from agent.harmless import printable
from agent.host.machine.paths import Paths
from agent.pki.report import Inputs
from agent.pki.result import PathStatus

_HEADER: Final = b"%PDF-"
_NOT_PROVEN: Final = 3
EXIT_STATUS: Final = {
    PdfVerdict.VALID: 0,
    PdfVerdict.UNKNOWN: _NOT_PROVEN,
    PdfVerdict.UNSIGNED: _NOT_PROVEN,
    PdfVerdict.EXPIRED: 1,
    PdfVerdict.REVOKED: 1,
    PdfVerdict.CHANGED: 1,
    PdfVerdict.INVALID: 1,
}
_BY_ITSELF: Final = (PdfVerdict.INVALID, PdfVerdict.CHANGED)
"""What no trusted certificate mends."""
_BAD_TIMES: Final = (PathStatus.EXPIRED, PathStatus.REVOKED)
_UNLISTED: Final = (PathStatus.UNKNOWN, PathStatus.STALE)
_COLOURS: Final = {0: Colour.GREEN, _NOT_PROVEN: Colour.YELLOW, 1: Colour.RED}


@dataclass(frozen=True, slots=True)
class PdfQuestion:
    """What is asked of a PDF.

    Attributes:
        inputs: the document, and who is trusted.
        extract: the number of the signature whose version is taken out; None for no such.
        out: the file that it is written to.
        force: whether that file may be replaced.
        password_stdin: whether the document's password is read from standard input.
        json: whether programs are answered.
        times: files of authorities that are trusted for the time.
        state_dir: the agent's folder; None for the user's own.

    """

    inputs: Inputs
    extract: int | None
    out: Path | None
    force: bool
    password_stdin: bool
    json: bool
    times: Sequence[Path] = ()
    state_dir: Path | None = None


def is_pdf(file: Path) -> bool:
    """Return whether a file is taken for a PDF: by its name, or as it begins.

    Nothing is read of a pipe or device: what was read would be missing afterwards.

    Raises:
        OSError: it cannot be read.

    """
    if not file.is_file():
        return False
    with open(file, "rb", opener=regular_opener) as content:
        return content.read(len(_HEADER)) == _HEADER or file.suffix.lower() == ".pdf"


def verify_document(question: PdfQuestion, at: datetime) -> int:
    """Say what the signatures of a PDF are worth; return the exit status of the worst.

    Raises:
        AgentError: nothing can be said of it.
        OSError: a file cannot be read or written.

    """
    if question.out is not None:
        require_free(question.out, force=question.force, inputs=(question.inputs.message,))
    password = read_password() if question.password_stdin else None
    try:
        verified = asyncio.run(_verify(question, at, password))
    except AgentError as error:
        if password is None:
            raise with_password_hint(error, question.inputs.message) from error
        raise
    if question.json:
        say_json(verified.report)
    else:
        _say(verified)
        if question.out is not None:
            say(tell("cli.verify.pdf.extracted", name=printable(str(question.out))))
    return EXIT_STATUS[verified.verdict]


async def _verify(question: PdfQuestion, at: datetime, password: str | None) -> VerifiedPdf:
    worker = PdfWorker()
    try:
        with (
            TemporaryDirectory(ignore_cleanup_errors=True) as folder,
            WorkFolder(Path(folder)) as work,
        ):
            inputs, more = _trust(question)
            verified = await verify_pdf(worker, work, inputs, at, password, more=more)
            if question.extract is not None and question.out is not None:
                # another way: the user may name a pipe or a device
                question.out.write_bytes(extract(verified, question.extract))
            return verified
    finally:
        await worker.close()


def _trust(question: PdfQuestion) -> tuple[Inputs, MoreTrust]:
    """Return who is trusted: those who are named, else those of the settings.

    Raises:
        AgentError: the settings or the policy cannot be read.

    """
    if question.inputs.anchors:
        return question.inputs, MoreTrust(question.times)
    known = ProofSettings.of(own_settings(Paths.choose(question.state_dir)))
    inputs = replace(question.inputs, anchors=known.document_anchors)
    times = question.times or known.timestamp_anchors
    lists = EvidenceLists(known.evidence_urls) if known.document_anchors else None
    return inputs, MoreTrust(times, lists)


def _say(verified: VerifiedPdf) -> None:
    _say_verdict(verified.verdict, "")
    signatures = verified.report["signatures"]
    for each in signatures:
        _say_signature(each, len(signatures))
    warnings = verified.report["document"]["warnings"]
    if warnings:
        what = ", ".join(tell(f"cli.sign.warnings.{each}") for each in warnings)
        say(tell("cli.verify.pdf.warned", what=what))


def _say_verdict(verdict: PdfVerdict, indent: str) -> None:
    colour = _COLOURS[EXIT_STATUS[verdict]]
    say(indent + coloured(tell(f"cli.verify.pdf.{verdict}"), colour))


def _say_signature(told: dict[str, Any], count: int) -> None:
    if count > 1:
        say(tell("cli.verify.pdf.number", number=told["number"], count=count))
        _say_verdict(told["verdict"], "  ")
    if told["problem"]:
        say(f"  {printable(told['problem'])}")
    if told["signer"] is None:
        return
    subject = printable(told["signer"]["subject"])
    say(f"  {tell('cli.verify.pdf.signer', subject=subject)}")
    _say_time(told)
    for name in ("reason", "location"):
        if told[name]:
            say(f"  {tell(f'cli.verify.pdf.{name}', text=printable(told[name]))}")
    if told["sha256_before"]:
        say(f"  {tell('cli.verify.pdf.before', digest=told['sha256_before'])}")
    if told["changes"] != "none" or told["verdict"] != PdfVerdict.INVALID:
        say(f"  {tell('cli.verify.pdf.changes.' + told['changes'])}")
    if told["verdict"] not in _BY_ITSELF:
        _say_chain(told["chain"])


def _say_time(told: dict[str, Any]) -> None:
    """Say when it was signed, and who says so."""
    if told["proven_time"] is not None:
        say(f"  {tell('cli.verify.pdf.proven', time=local_time(told['proven_time']))}")
    elif told["claimed_time"] is not None:
        say(f"  {tell('cli.verify.pdf.time', time=local_time(told['claimed_time']))}")
    if told["timestamp"] is not None:
        say(f"  {_stamp_text(told['timestamp'])}")
    if told["level"] is not None:
        say(f"  {tell('cli.verify.pdf.level', level=told['level'])}")


def _stamp_text(stamp: dict[str, Any]) -> str:
    """Say of a timestamp who made it, or why it proves nothing."""
    status = stamp["status"]
    if status == "bad":
        return tell("cli.verify.pdf.timestamp.bad")
    authority = printable(stamp["authority"])
    if status == PathStatus.VALID:
        return tell("cli.verify.pdf.authority", authority=authority)
    if status in _UNLISTED:
        time = local_time(stamp["time"])
        return tell("cli.verify.pdf.timestamp.unlisted", time=time, authority=authority)
    kind = status if status in _BAD_TIMES else "unknown"
    return tell(f"cli.verify.pdf.timestamp.{kind}")


def _say_chain(chain: dict[str, Any]) -> None:
    """Say what is known of the certificate, and what it would take to know more."""
    if chain["status"] == "not_checked":
        say(f"  {tell('cli.verify.said.give_all')}")
        return
    say(f"  {tell('cli.verify.said.certificate', status=chain['status'])}")
    if chain["detail"]:
        say(f"  {printable(chain['detail'])}")
    elif chain["status"] == PathStatus.UNKNOWN:
        say(f"  {tell('cli.verify.said.give_lists')}")
