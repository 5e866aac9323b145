"""What existing pages do with the card is in the history like everything else."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from agent.history.store import History, read, verify
from agent.virtualcard.card import VirtualCard
from tests.web.hipki.rig import SITE, WRONG_PIN, Rig


def test_what_existing_pages_sign_is_in_the_history(
    tmp_path: Path, make_card: Callable[..., VirtualCard]
) -> None:
    path = tmp_path / "history.sqlite"
    with closing(History(path)) as history, Rig(make_card(), history=history) as rig:
        rig.sign(SITE, pin=WRONG_PIN)
        rig.sign(SITE, hashAlgorithm="SHA1", signatureType="PKCS1")
    newest, older = (line.entry for line in read(path))
    assert (older.site, older.outcome) == (SITE, "pin_incorrect")
    assert (newest.site, newest.outcome) == (SITE, "done")
    assert (newest.format, newest.hash) == ("pkcs1", "SHA-1")
    assert verify(path).intact
