"""``ankong sign`` and ``ankong verify`` as a person types them, in this process."""

import io
import logging
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent import cli
from agent.commands import extend, sign_pdfs, verify_pdf
from agent.commands.tongue import CHOOSING
from agent.pdf import pdf_child
from agent.pdf.confinement import Confinement
from agent.pdf.wire import (
    AnyPdfRequest,
    PdfAnswer,
    PdfError,
    RefusedPdf,
    decode_answer,
    encode,
)
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard

PIN = "123456"


class NearWorker:
    """The worker's own code without its process, whose start takes longer than most commands.

    What the process adds is tested in ``test_pdf_worker``, and by commands of a process of its own.
    """

    async def ask(self, request: AnyPdfRequest, kind: type[PdfAnswer], size: int = 0) -> PdfAnswer:
        answered = io.BytesIO()
        pdf_child.serve(io.BytesIO(encode(request)), answered, Confinement())
        answer = decode_answer(answered.getvalue())
        if isinstance(answer, RefusedPdf):
            raise PdfError(answer.detail, code=answer.code)
        assert isinstance(answer, kind), size
        return answer

    async def close(self) -> None:
        """Do nothing: there is no process."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command line came to.

    Attributes:
        status: its exit status.
        out: what it printed as its answer.
        err: what it said beside.

    """

    status: int
    out: str
    err: str


@dataclass(slots=True)
class Person:
    """Somebody with cards, who types commands in a folder of theirs.

    Attributes:
        folder: which the commands run in.
        patch: of standard input and the language.
        captured: what commands print.
        cards: the files of the cards that are in readers.

    """

    folder: Path
    patch: pytest.MonkeyPatch
    captured: pytest.CaptureFixture[str]
    cards: list[Path] = field(default_factory=list)

    def has(self, card: VirtualCard) -> None:
        """Put a card into a reader of its own."""
        file = self.folder.parent / f"card-{len(self.cards)}.json"
        cardfile.save(file, card.data)
        self.cards.append(file)

    def sign(self, *words: str, typed: str = PIN, language: str = "en") -> Said:
        """Run ``ankong sign``; each line of ``typed`` is one line of standard input."""
        chosen = [word for card in self.cards for word in ("--virtual-card", str(card))]
        more = chosen or ["--provider", "virtual"]
        state = ("--state-dir", str(self.state))
        return self.run("sign", *more, *state, *words, typed=typed, language=language)

    def run(self, *words: str, typed: str = "", language: str = "en") -> Said:
        """Run any command."""
        self.patch.chdir(self.folder)
        for command in (sign_pdfs, verify_pdf, extend):
            self.patch.setattr(command, "PdfWorker", NearWorker)
        self.patch.setattr(logging.root.manager, "disable", logging.CRITICAL)
        self.patch.setenv(CHOOSING, language)
        lines = io.BytesIO(f"{typed}\n".encode())
        self.patch.setattr("sys.stdin", io.TextIOWrapper(lines))
        try:
            status = cli.run(list(words))
        except SystemExit as ended:
            status = int(ended.code or 0)
        printed = self.captured.readouterr()
        return Said(status, printed.out, printed.err)

    @property
    def state(self) -> Path:
        """The agent's folder, outside of the folder that the person works in."""
        return self.folder.parent / "state"

    def names(self, folder: str = ".") -> list[str]:
        """Return what is in a folder."""
        return sorted(each.name for each in (self.folder / folder).iterdir())
