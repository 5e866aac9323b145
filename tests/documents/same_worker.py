"""One worker process for many tests: an event loop of each test may talk to it."""

import subprocess
import sys
from subprocess import PIPE

from agent.documents.pdf_worker import A, PdfWorker
from agent.pdf.wire import AnyPdfAnswer, AnyPdfRequest, PdfError, RefusedPdf, decode_answer, encode


class SameWorker(PdfWorker):
    """A worker that answers every question: one that ends fails the test."""

    def __init__(self) -> None:
        super().__init__()
        command = [sys.executable, "-P", "-m", "agent.pdf.pdf_child"]
        self._child = subprocess.Popen(command, stdin=PIPE, stdout=PIPE)

    def answer(self, request: AnyPdfRequest) -> AnyPdfAnswer:
        """Return the answer, which may be a refusal."""
        to, back = self._child.stdin, self._child.stdout
        assert to is not None
        assert back is not None
        to.write(encode(request))
        to.flush()
        line = back.readline()
        assert line, f"the worker ended: {self._child.wait()}"
        return decode_answer(line)

    async def ask(self, request: AnyPdfRequest, kind: type[A], size: int = 0) -> A:
        del size
        answer = self.answer(request)
        if isinstance(answer, RefusedPdf):
            raise PdfError(answer.detail, code=answer.code)
        assert isinstance(answer, kind)
        return answer

    def end(self) -> None:
        """Let it end."""
        with self._child:
            assert self._child.stdin is not None
            self._child.stdin.close()
