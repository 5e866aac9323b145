"""A batch of the shelf: what cannot be finished takes nothing from the others."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.documents.copies import PrivateCopy, WorkFolder
from agent.documents.shelved import ShelvedDocument, sign_shelved
from agent.documents.signing import PdfSigner, SignatureWish, SignedPdf
from agent.documents.unfinished import UnfinishedPdf
from agent.errors import AgentError, ErrorCode
from agent.pdf.wire import PdfFacts


class Hands:
    """A signer that finishes and signs what it is told to."""

    def __init__(
        self, folder: Path, bad: Sequence[str] = (), refusal: ErrorCode | None = None
    ) -> None:
        self.folder, self.bad, self.refusal = folder, bad, refusal
        self.signed: list[str] = []

    async def finish(self, unfinished: Any) -> SignedPdf:
        name = unfinished.ready.original.name
        if name in self.bad:
            raise AgentError(name, code=ErrorCode.DOCUMENT_DAMAGED)
        return self.made(unfinished.ready.original)

    async def choose(self, *_: object) -> object:
        return None

    async def prepare(self, document: Any, *_: object) -> Any:
        return SimpleNamespace(original=document)

    async def sign_prepared(self, ready: Sequence[Any], *_: object) -> list[SignedPdf]:
        if self.refusal is not None:
            raise AgentError(code=self.refusal)
        self.signed += [each.original.name for each in ready]
        return [self.made(each.original) for each in ready]

    def made(self, original: Any) -> SignedPdf:
        file = self.folder / f"made-{original.name}"
        file.write_bytes(b"signed")
        return SignedPdf(original, file, cast("Any", None), "Signature1")


def shelved(folder: Path, name: str, *, is_left: bool = False) -> ShelvedDocument:
    file = folder / name
    file.write_bytes(b"original")
    copy = PrivateCopy(file, file, bytes(32), 8, name)
    document = ShelvedDocument(name, b"", copy, WorkFolder(folder), PdfFacts(pages=1))
    if is_left:
        ready: Any = SimpleNamespace(original=document.opened())
        document.unfinished = UnfinishedPdf(ready, b"", cast("Any", None), AgentError())
    return document


async def signed_by(hands: Hands, *documents: ShelvedDocument) -> tuple[list[str], dict[str, str]]:
    batch = await sign_shelved(cast("PdfSigner", hands), documents, SignatureWish())
    return [each.id for each in batch.signed], {each.id: str(code) for each, code in batch.failed}


async def test_one_that_cannot_be_finished_still_leaves_the_others(tmp_path: Path) -> None:
    bad, good = (shelved(tmp_path, each, is_left=True) for each in ("bad", "good"))
    new = shelved(tmp_path, "new")
    hands = Hands(tmp_path, bad=["bad"])
    assert await signed_by(hands, bad, good, new) == (
        ["good", "new"],
        {"bad": "document_damaged"},
    )
    assert hands.signed == ["new"]
    assert bad.unfinished is not None


async def test_a_no_to_the_others_does_not_hide_what_was_finished(tmp_path: Path) -> None:
    left, new = shelved(tmp_path, "left", is_left=True), shelved(tmp_path, "new")
    hands = Hands(tmp_path, refusal=ErrorCode.USER_CANCELLED)
    assert await signed_by(hands, left, new) == (["left"], {"new": "user_cancelled"})
    assert left.signed is not None
    with pytest.raises(AgentError) as caught:
        await signed_by(hands, new)
    assert caught.value.code is ErrorCode.USER_CANCELLED


async def test_where_nothing_can_be_finished_the_reason_is_told(tmp_path: Path) -> None:
    bad = shelved(tmp_path, "bad", is_left=True)
    with pytest.raises(AgentError) as caught:
        await signed_by(Hands(tmp_path, bad=["bad"]), bad)
    assert caught.value.code is ErrorCode.DOCUMENT_DAMAGED
