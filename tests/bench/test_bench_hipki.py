"""The bench of the door for existing pages works, and what it counts meets the aim."""

import pytest

from tests.bench.hipki import HipkiEffort, hipki_rows


@pytest.mark.slow
async def test_reading_and_signing_cost_no_more_than_through_the_native_api() -> None:
    rows = {row.name: row for row in await hipki_rows(HipkiEffort(popups=1, rounds=1, seconds=0.1))}
    for generation in ("gen1", "gen2"):
        row = rows[f"{generation}: GetUserCert + MakeSignature, commands"]
        assert row.value is not None
        assert row.most is not None
        assert row.value <= row.most
    assert (rows["p11Image.bmp over bare handler"].value or 0) > 0
    assert len(rows) == 10
