"""``ankong extend``: make the proof of a signed PDF last, or renew it, without a card."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.commands.complaints import facts_of
from agent.commands.out_file import add_out, require_free
from agent.commands.output import say, say_json
from agent.commands.own_service import own_settings, prepared_paths
from agent.commands.parser import CommandParser, JsonOptions, define
from agent.commands.sign_pdfs import EXIT_LACKS, say_growth, say_lack
from agent.commands.tongue import tell
from agent.documents.copies import WorkFolder
from agent.documents.extending import ExtendedPdf, PdfExtender
from agent.documents.levels import ProofSettings, SignatureLevel
from agent.documents.pdf_worker import PdfWorker
from agent.documents.places import require_place, save_beside, save_new, save_over
from agent.documents.proving import PdfProver
from agent.harmless import printable
from agent.host.machine.document_copies import COMMANDS
from agent.host.machine.paths import Paths

LEVELS: Final = tuple(str(level) for level in SignatureLevel if level is not SignatureLevel.B_B)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtendOptions(JsonOptions):
    """The options of ``extend``.

    Attributes:
        file: the signed PDF.
        level: one of :data:`LEVELS`.
        out: the file that is written; None for one beside the document.
        force: whether that file may be there already, and is replaced.

    """

    file: Path
    level: str
    out: Path | None = None
    force: bool = False


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, ExtendOptions, extend)
    parser.ending = "cli.extend.ending"
    parser.add_argument("file", type=Path, metavar="FILE", help="cli.extend.file")
    parser.add_argument(
        "--level", choices=LEVELS, default=str(SignatureLevel.B_T), help="cli.extend.level"
    )
    add_out(parser, text="cli.extend.out")


def extend(options: ExtendOptions) -> int:
    """Extend a PDF, and save it; the original stays as it is.

    Returns:
        0 if it has what was wanted, 3 if some of it.

    Raises:
        AgentError: nothing was gained, and why.
        OSError: a file cannot be read or written.

    """
    if options.out is not None:
        require_free(options.out, force=options.force, inputs=(options.file,))
    else:
        require_place(options.file.parent, options.file.stat().st_size)
    paths = prepared_paths(options.state_dir)
    with WorkFolder(paths.documents, COMMANDS) as work:
        extended = asyncio.run(_extended(options, paths, work))
        saved, grown = _save(options, extended), extended.grown
    if options.json:
        say_json(_facts(extended, saved) | {"grown": grown})
    else:
        name = printable(str(saved))
        say(tell("cli.extend.saved", name=name, level=extended.level))
        say_growth("cli.sign.grown", grown)
        if extended.lacks is not None:
            say_lack(extended.lacks, saved)
    return 0 if extended.lacks is None else EXIT_LACKS


async def _extended(options: ExtendOptions, paths: Paths, work: WorkFolder) -> ExtendedPdf:
    worker = PdfWorker()
    try:
        prover = PdfProver(ProofSettings.of(own_settings(paths)), worker, work)
        extender = PdfExtender(prover, worker, work)
        return await extender.extend(options.file, SignatureLevel(options.level))
    finally:
        await worker.close()


def _save(options: ExtendOptions, extended: ExtendedPdf) -> Path:
    out = options.out
    if out is None:
        return save_beside(extended.file, options.file, tell("cli.extend.mark"))
    if out.exists():
        save_over(extended.file, out)  # with --force, or a pipe: that was checked before
    else:
        save_new(extended.file, out)
    return out


def _facts(extended: ExtendedPdf, saved: Path) -> dict[str, Any]:
    return {
        "file": str(extended.original.source),
        "out": str(saved),
        "level": extended.level,
        "lacks": None if extended.lacks is None else facts_of(extended.lacks),
    }
