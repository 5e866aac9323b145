"""``ankong sign contract.pdf``: sign PDFs within themselves, several of them with one PIN."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.commands.complaints import complain, facts_of
from agent.commands.out_file import require_free
from agent.commands.output import say, say_aside, say_json
from agent.commands.own_service import (
    keep_secrets,
    own_service,
    prepared_paths,
    read_password,
    read_pin,
)
from agent.commands.readers import use_service
from agent.commands.tongue import tell
from agent.documents.copies import WorkFolder
from agent.documents.places import save_beside, save_new, save_over
from agent.documents.signing import OpenPdf, PdfSigner, SignatureWish, SignedPdf
from agent.documents.worker import PdfWorker
from agent.errors import AgentError
from agent.harmless import printable
from agent.host.machine.paths import Paths
from agent.origin import LOCAL_USER
from agent.signing.service import SigningService
from agent.transport.base import CardProvider


@dataclass(frozen=True, kw_only=True, slots=True)
class PdfOptions:
    """What the command line says of PDFs.

    Attributes:
        files: the documents.
        out: where to: a file for one document, a folder, or None for beside each.
        force: whether a file that ``out`` names may be replaced.
        wish: how they are signed.
        pin_stdin: whether the PIN is read from standard input even if that is a terminal.
        password_stdin: whether the documents' own password is, one line before it.
        json: whether programs are answered.
        state_dir: the agent's folder; None for the user's own.

    """

    files: Sequence[Path]
    out: Path | None
    force: bool
    wish: SignatureWish
    pin_stdin: bool
    password_stdin: bool
    json: bool
    state_dir: Path | None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one file: where it was saved, or why not."""

    file: Path
    saved: Path | None = None
    signed: SignedPdf | None = None
    error: AgentError | OSError | None = None


def sign_pdfs(options: PdfOptions, provider: CardProvider) -> int:
    """Sign PDFs under this computer's policy; return 0 if all of them were.

    Raises:
        AgentError: none was signed, and why.
        OSError: likewise.

    """
    if options.out is not None and not options.out.is_dir():
        require_free(options.out, force=options.force, inputs=options.files)
    paths = prepared_paths(options.state_dir)
    with own_service(provider, paths) as service:
        outcomes = asyncio.run(use_service(service, lambda: _sign(options, service, paths)))
    if len(outcomes) == 1 and outcomes[0].error is not None:
        raise outcomes[0].error
    _report(options, outcomes)
    return 1 if any(each.error for each in outcomes) else 0


async def _sign(options: PdfOptions, service: SigningService, paths: Paths) -> list[_Outcome]:
    worker = PdfWorker()
    try:
        with WorkFolder(paths.documents) as work:
            signer = PdfSigner(service, worker, work, LOCAL_USER)
            password = read_password() if options.password_stdin else None
            opened, failed = await _open_all(signer, options.files, password)
            if not opened:
                return failed
            _warn(opened)
            keep_secrets()
            pin = read_pin(from_stdin=options.pin_stdin)
            signed = await signer.sign(opened, options.wish, pin)
            return [*(await asyncio.to_thread(_save_all, options, signed)), *failed]
    finally:
        await worker.close()


async def _open_all(
    signer: PdfSigner, files: Sequence[Path], password: str | None
) -> tuple[list[OpenPdf], list[_Outcome]]:
    """Read all files; one that cannot be signed is left out before anybody enters a PIN."""
    opened, failed = [], []
    for file in files:
        try:
            opened.append(await signer.open(file, password))
        except (AgentError, OSError) as error:
            failed.append(_Outcome(file, error=error))
    return opened, failed


def _warn(opened: Sequence[OpenPdf]) -> None:
    for each in opened:
        if each.facts.warnings:
            what = ", ".join(
                tell(f"cli.sign.warnings.{warning}") for warning in each.facts.warnings
            )
            say_aside(tell("cli.sign.warned", name=printable(each.name), what=what))


def _save_all(options: PdfOptions, signed: Sequence[SignedPdf]) -> list[_Outcome]:
    outcomes = []
    for each in signed:
        source = each.original.copy.source
        try:
            outcomes.append(_Outcome(source, _save(options, each), each))
        except OSError as error:
            outcomes.append(_Outcome(source, error=error))
    return outcomes


def _save(options: PdfOptions, signed: SignedPdf) -> Path:
    out, source = options.out, signed.original.copy.source
    if out is None or out.is_dir():
        return save_beside(signed.file, source, tell("cli.sign.mark"), out)
    if out.exists():
        save_over(signed.file, out)  # with --force, or a pipe: that was checked before the PIN
    else:
        save_new(signed.file, out)
    return out


def _report(options: PdfOptions, outcomes: Sequence[_Outcome]) -> None:
    if options.json:
        told = [_facts(each) for each in outcomes]
        say_json(told[0] if len(told) == 1 else {"files": told})
        return
    for each in outcomes:
        if each.error is not None:
            say_aside(f"{printable(str(each.file))}:")
            complain(each.error, as_json=False)
        elif each.saved is not None and each.signed is not None:
            say(tell("cli.sign.saved", name=printable(str(each.saved))))
            subject = printable(each.signed.signer.facts.subject)
            digest = each.signed.original.copy.digest.hex()
            say(f"  {tell('cli.sign.facts', subject=subject, digest=digest)}")


def _facts(outcome: _Outcome) -> dict[str, Any]:
    if outcome.signed is None or outcome.error is not None:
        error = outcome.error or AgentError()
        return {"file": str(outcome.file), "error": facts_of(error)}
    return {
        "file": str(outcome.file),
        "out": str(outcome.saved),
        "sha256": outcome.signed.original.copy.digest.hex(),
        "field": outcome.signed.field,
        "thumbprint": outcome.signed.signer.facts.thumbprint.hex(),
    }
