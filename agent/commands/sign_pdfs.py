"""``ankong sign contract.pdf``: sign PDFs within themselves, several of them with one PIN."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msgspec import to_builtins

from agent.commands.complaints import complain, facts_of
from agent.commands.out_file import require_free
from agent.commands.output import is_standard_output, say, say_aside, say_json
from agent.commands.own_service import (
    keep_secrets,
    own_service,
    own_settings,
    prepared_paths,
    read_password,
    read_pin,
    with_password_hint,
)
from agent.commands.parser import UnfitOptionsError
from agent.commands.tongue import tell
from agent.documents.copies import WorkFolder
from agent.documents.levels import ProofSettings, SignatureLevel
from agent.documents.pdf_worker import PdfWorker
from agent.documents.places import require_place, save_beside, save_new, save_over
from agent.documents.proving import PdfProver
from agent.documents.signing import (
    OpenPdf,
    PdfCertificates,
    PdfSigner,
    ReadyPdf,
    SignatureWish,
    SignedPdf,
)
from agent.documents.unfinished import PartlySignedError
from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.harmless import printable, shortened
from agent.host.machine.document_copies import COMMANDS
from agent.origin import LOCAL_USER
from agent.pdf.wire import MarkPlace
from agent.secret import SecretBytes
from agent.size_limits import LARGE_GROWTH
from agent.transport.base import CardProvider

EXIT_LACKS: Final = 3
"""All is signed and saved, but some proof does not last as long as was wanted."""


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

    @property
    def lacks(self) -> AgentError | None:
        """Why its proof does not last as long as was wanted; None where it does."""
        return None if self.signed is None else self.signed.lacks


def sign_pdfs(options: PdfOptions, provider: CardProvider) -> int:
    """Sign PDFs under this computer's policy; return 0 if all of them were.

    Returns:
        0 if all are signed and saved as it was wanted, 1 if at least one is not, else 3: all are,
        but the proof of one does not last as long.

    Raises:
        AgentError: none was signed, and why.
        OSError: likewise.

    """
    files = _distinct(options.files)
    _require_out(options, files)
    paths = prepared_paths(options.state_dir)
    password = read_password() if options.password_stdin else None
    with (
        own_service(provider, paths) as service,
        WorkFolder(paths.documents, COMMANDS) as work,
        asyncio.Runner() as runner,
    ):
        worker = PdfWorker()
        runner.run(service.start())
        try:
            prover = PdfProver(ProofSettings.of(own_settings(paths)), worker, work)
            signer = PdfSigner(service, worker, work, LOCAL_USER, prover)
            outcomes = _Signing(options, signer, runner).sign(files, password)
        finally:
            runner.run(worker.close())
            runner.run(service.close())
    if len(outcomes) == 1 and outcomes[0].error is not None:
        raise outcomes[0].error
    _report(options, sorted(outcomes, key=lambda each: files.index(each.file)))
    if any(each.error for each in outcomes):
        return 1
    return EXIT_LACKS if any(each.lacks for each in outcomes) else 0


def _distinct(files: Sequence[Path]) -> list[Path]:
    """Return the files without those that were named before: each is signed once."""
    found: dict[Path, Path] = {}
    for file in files:
        found.setdefault(file.parent.resolve() / file.name, file)
    return list(found.values())


def _require_out(options: PdfOptions, files: Sequence[Path]) -> None:
    """Refuse a place that does not take what is signed.

    Raises:
        BadRequestError: several documents would be one file, or it is there already.

    """
    out = options.out
    if out is None or out.is_dir():
        return
    if len(files) > 1:
        raise UnfitOptionsError(
            f"{out}: several files need a folder that is there", said=("cli.error.out_for_many", {})
        )
    require_free(out, force=options.force, inputs=files)


class _Signing:
    """One command: what cannot be signed is left out before anybody enters a PIN.

    The PIN is read between two runs of the event loop, so that Ctrl-C ends the command there too.
    """

    def __init__(self, options: PdfOptions, signer: PdfSigner, runner: asyncio.Runner) -> None:
        self._options = options
        self._signer = signer
        self._runner = runner
        self._failed: list[_Outcome] = []

    def sign(self, files: Sequence[Path], password: str | None) -> list[_Outcome]:
        """Sign the files, and save them.

        Raises:
            AgentError: the card does not sign.

        """
        opened = self._runner.run(self._open_all(files, password))
        if not opened:
            return self._failed
        chosen = self._choose()
        ready = self._runner.run(self._prepare_all(opened, chosen))
        if not ready:
            return self._failed
        _warn([each.original for each in ready])
        _warn_of_marks(ready)
        if any(each.level.reaches(SignatureLevel.B_LT) for each in ready):
            say_growth("cli.sign.will_grow", self._runner.run(self._signer.prover.growth()))
        keep_secrets()
        pin = read_pin(from_stdin=self._options.pin_stdin)
        signed = self._runner.run(self._sign(ready, chosen, pin))
        if self._signer.prover.is_clock_wrong:
            say_aside(tell("cli.sign.clock"))
        return [*_save_all(self._options, signed), *self._failed]

    def _choose(self) -> PdfCertificates:
        wish = self._options.wish
        try:
            return self._runner.run(self._signer.choose(wish.reader, wish.certificate))
        except AgentError as error:
            if error.code is ErrorCode.PIN_REQUIRED:  # a token that hides its certificates
                error.said = ("cli.error.hidden_pdf", {})
            raise

    async def _sign(
        self, ready: Sequence[ReadyPdf], chosen: PdfCertificates, entered: SecretBytes
    ) -> Sequence[SignedPdf]:
        """Sign, and try once more to finish what the card has signed."""
        try:
            return await self._signer.sign_prepared(ready, chosen, entered)
        except PartlySignedError as partly:
            signed = list(partly.signed)
            for each in partly.unfinished:
                try:
                    signed.append(await self._signer.finish(each))
                except (AgentError, OSError) as error:
                    source = each.ready.original.copy.source
                    self._failed.append(_Outcome(source, error=error))
            return signed

    async def _open_all(self, files: Sequence[Path], password: str | None) -> list[OpenPdf]:
        opened = []
        for file in files:
            try:
                found = await self._signer.open(file, password)
                _require_field(found, self._options.wish.field)
                _require_page(found, self._options.wish.mark)
                if not _is_device(self._options.out):
                    require_place(_folder_for(self._options.out, file), found.copy.size)
                opened.append(found)
            except (AgentError, OSError) as error:
                self._failed.append(_Outcome(file, error=_hinted(error, file, password)))
        return opened

    async def _prepare_all(
        self, opened: Sequence[OpenPdf], chosen: PdfCertificates
    ) -> list[ReadyPdf]:
        ready = []
        for each in opened:
            try:
                ready.append(await self._signer.prepare(each, self._options.wish, chosen))
            except (AgentError, OSError) as error:
                self._failed.append(_Outcome(each.copy.source, error=error))
        return ready


def _hinted(error: AgentError | OSError, file: Path, password: str | None) -> AgentError | OSError:
    """Say how a password is given, where one is needed and none was."""
    if password is None and isinstance(error, AgentError):
        return with_password_hint(error, file)
    return error


def _require_field(found: OpenPdf, field: str | None) -> None:
    if field is not None and field not in found.facts.fields:
        raise BadRequestError(
            f"{found.name} has no such empty signature field",
            said=("cli.error.no_field", {"name": found.name, "field": shortened(field, 80)}),
        )


def _require_page(found: OpenPdf, mark: MarkPlace | None) -> None:
    page = None if mark is None else mark.page
    if page is not None and page > found.facts.pages:
        raise BadRequestError(
            f"{found.name} has no page {page}",
            said=(
                "cli.error.no_page",
                {"name": found.name, "page": page, "pages": found.facts.pages},
            ),
        )


def _folder_for(out: Path | None, source: Path) -> Path:
    if out is None:
        return source.parent
    return out if out.is_dir() else out.parent


def _is_device(out: Path | None) -> bool:
    """Return whether it is a pipe, a device, or something else that takes octets one by one."""
    return out is not None and out.exists() and not out.is_file() and not out.is_dir()


def _warn(opened: Sequence[OpenPdf]) -> None:
    for each in opened:
        if each.facts.warnings:
            what = ", ".join(
                tell(f"cli.sign.warnings.{warning}") for warning in each.facts.warnings
            )
            say_aside(tell("cli.sign.warned", name=printable(each.name), what=what))


def _warn_of_marks(ready: Sequence[ReadyPdf]) -> None:
    """Say where a mark is not as it was meant, before anybody enters a PIN."""
    for each in ready:
        mark = each.prepared.mark
        if mark is None:
            continue
        name = printable(each.original.name)
        if mark.missing is not None:
            code = f"U+{ord(mark.missing):04X}"
            char = mark.missing if mark.missing.isprintable() else code
            say_aside(tell("cli.sign.mark_font", name=name, char=char, code=code))
        if mark.small:
            say_aside(tell("cli.sign.mark_small", name=name))


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
    # Where the document itself is the answer, nothing may stand behind it.
    say_it = say_aside if is_standard_output(options.out) else say
    for each in outcomes:
        if each.error is not None:
            say_aside(f"{printable(str(each.file))}:")
            complain(each.error, as_json=False)
        elif each.saved is not None and each.signed is not None:
            say_it(tell("cli.sign.saved", name=printable(str(each.saved))))
            subject = printable(each.signed.signer.facts.subject)
            digest = each.signed.original.copy.digest.hex()
            say_it(f"  {tell('cli.sign.facts', subject=subject, digest=digest)}")
            say_growth("cli.sign.grown", each.signed.grown)
        if each.error is None and each.lacks is not None:
            say_lack(each.lacks, each.saved or each.file)


def say_growth(key: str, size: int) -> None:
    """Say by how much a document grows, in MB, where that is so much that it is of interest."""
    if size > LARGE_GROWTH:
        say_aside(f"  {tell(key, size=f'{size / 1_000_000:.1f}')}")


def say_lack(lacks: AgentError, file: Path) -> None:
    """Say why a document's proof does not last as long as was wanted, and how to try again."""
    say_aside(f"  {tell(f'codes.{lacks.code}')}")
    if lacks.detail:
        say_aside(f"  {printable(lacks.detail)}")
    say_aside(f"  {tell('cli.sign.again', name=printable(str(file)))}")


def _facts(outcome: _Outcome) -> dict[str, Any]:
    if outcome.signed is None or outcome.error is not None:
        error = outcome.error or AgentError()
        return {"file": str(outcome.file), "error": facts_of(error)}
    return {
        "file": str(outcome.file),
        "out": str(outcome.saved),
        "sha256": outcome.signed.original.copy.digest.hex(),
        "field": outcome.signed.field,
        **({} if outcome.signed.mark is None else {"mark": to_builtins(outcome.signed.mark)}),
        "thumbprint": outcome.signed.signer.facts.thumbprint.hex(),
        "level": outcome.signed.level,
        "grown": outcome.signed.grown,
        "lacks": None if outcome.lacks is None else facts_of(outcome.lacks),
    }
