"""Whose certificate signs a PDF where a card has several of one key."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.documents.signing import PdfSigner
from agent.origin import LOCAL_USER

NOW = datetime.now(UTC)
YEAR = timedelta(days=365)


def certificate(name: str, first: datetime, last: datetime) -> Any:
    facts = SimpleNamespace(thumbprint=name.encode(), not_before=first, not_after=last, der=b"")
    return SimpleNamespace(facts=facts, reader="R", id="SIGN", card_serial="S", signs=True)


OLD = certificate("old", NOW - 2 * YEAR, NOW - YEAR)
GOOD = certificate("good", NOW - YEAR, NOW + YEAR)


@pytest.mark.parametrize(
    ("found", "named", "chosen"),
    [
        ([OLD, GOOD], None, GOOD),
        ([GOOD, OLD], None, GOOD),
        ([OLD], None, OLD),
        ([OLD, GOOD], b"old", OLD),
    ],
    ids=["old first", "old last", "old alone", "old named"],
)
async def test_a_valid_certificate_signs_rather_than_an_old_one(
    found: list[Any], named: bytes | None, chosen: Any
) -> None:
    async def certificates(*_: object) -> Any:
        return SimpleNamespace(certificates=found)

    service = SimpleNamespace(certificates=certificates)
    nothing = cast("Any", None)
    signer = PdfSigner(cast("Any", service), nothing, nothing, LOCAL_USER, cast("Any", object()))
    assert (await signer.choose(None, named)).signer is chosen
