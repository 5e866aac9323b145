"""``ankong sign --level`` and ``ankong extend``: what a person types, and what they are told."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import TestIssuer
from tests.documents.command_support import Person
from tests.documents.pdf_files import simple_pdf
from tests.documents.proof_world import World, world_of, write_settings
from tests.documents.time_authorities import TYPE, lists, time_root

CardFactory = Callable[..., VirtualCard]


@pytest.fixture
def world(tmp_path: Path, test_issuer: TestIssuer) -> Iterator[World]:
    with world_of(tmp_path, test_issuer) as found:
        yield found


@pytest.fixture
def person(
    world: World,
    make_gen2_card: CardFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Person:
    folder = world.folder / "work"
    folder.mkdir()
    somebody = Person(folder, monkeypatch, capsys)
    somebody.has(make_gen2_card())
    write_settings(world, somebody.state)
    (folder / "contract.pdf").write_bytes(simple_pdf("Contract"))
    return somebody


def extended(person: Person, *words: str, **more: str) -> tuple[int, str]:
    said = person.run("extend", "--state-dir", str(person.state), *words, **more)
    return said.status, said.out + said.err


def told(person: Person, name: str) -> list[dict[str, Any]]:
    said = person.run("verify", name, "--json", "--state-dir", str(person.state))
    signatures: list[dict[str, Any]] = json.loads(said.out)["signatures"]
    return signatures


def test_a_level_is_signed_at_once_and_verified_by_the_settings(person: Person) -> None:
    said = person.sign("contract.pdf", "--level", "B-LTA", "--json")
    assert (said.status, json.loads(said.out)["level"]) == (0, "B-LTA"), said.err
    first, second = told(person, "contract-signed.pdf")
    assert (first["level"], first["verdict"]) == ("B-LTA", "valid")
    assert (second["is_timestamp"], second["verdict"]) == (True, "valid")
    shown = person.run("verify", "contract-signed.pdf", "--state-dir", str(person.state))
    assert shown.status == 0
    assert "proven by a timestamp" in shown.out
    assert "Level B-LTA" in shown.out


def test_the_settings_choose_the_level(world: World, person: Person) -> None:
    write_settings(world, person.state, document_level="B-T")
    assert person.sign("contract.pdf").status == 0
    assert told(person, "contract-signed.pdf")[0]["level"] == "B-T"


def stamp_told(person: Person, *words: str) -> tuple[dict[str, Any], str]:
    """Say what is told of a document's timestamp, to programs and to people."""
    asked = ("contract-signed.pdf", "--state-dir", str(person.state), *words)
    (found,) = json.loads(person.run("verify", *asked, "--json").out)["signatures"]
    return found, person.run("verify", *asked).out


def test_a_time_is_proven_only_where_its_authority_is_known_not_to_be_revoked(
    world: World, person: Person
) -> None:
    honest = world.server.files.pop("/time.crl")
    assert person.sign("contract.pdf", "--level", "B-T").status == 0
    found, said = stamp_told(person)
    assert (found["proven_time"], found["proven_by"], found["level"]) == (None, None, "B-T")
    assert found["timestamp"]["status"] == "unknown"
    assert "could not be learned" in said
    assert "proven by a timestamp" not in said
    (person.folder / "time.crl").write_bytes(honest)
    anchors = [f"--anchors={each}" for each in world.settings.document_anchors]
    times = [f"--time-anchors={each}" for each in world.settings.timestamp_anchors]
    found, said = stamp_told(person, *anchors, *times, "--crl", "time.crl")
    assert (found["timestamp"]["status"], found["proven_by"]) == ("valid", "timestamp")
    assert "proven by a timestamp" in said


def test_an_authority_that_was_revoked_proves_no_time(world: World, person: Person) -> None:
    assert person.sign("contract.pdf", "--level", "B-LTA").status == 0
    (world.server.files["/time.crl"],) = lists(time_root(), revoked=[0x7157])
    first, second = told(person, "contract-signed.pdf")
    assert (first["proven_time"], first["level"]) == (None, "B-B")
    assert {each["timestamp"]["status"] for each in (first, second)} == {"revoked"}
    assert second["verdict"] == "revoked"
    said = person.run("verify", "contract-signed.pdf", "--state-dir", str(person.state))
    assert said.status == 1
    assert "The certificate of its timestamp was revoked." in said.out
    assert "proven by a timestamp" not in said.out


def test_a_document_that_grows_by_much_is_told_before_the_pin_and_after_it(
    world: World, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.commands.sign_pdfs.LARGE_GROWTH", 500)
    said = person.sign("contract.pdf", "--level", "B-LT", typed="wrong")
    assert said.status == 1
    assert "each file grows by about 0.0 MB" in said.err
    said = person.sign("contract.pdf", "--level", "B-LT", "--json")
    size = (person.folder / "contract-signed.pdf").stat().st_size
    grown = size - (person.folder / "contract.pdf").stat().st_size
    assert json.loads(said.out)["grown"] == grown
    assert "The file grew by" in person.sign("contract.pdf", "--level", "B-LT").err
    _, text = extended(person, "contract-signed.pdf", "--level", "B-LTA")
    assert "The file grew by" in text
    world.server.files.clear()  # nothing is known, and nothing said
    assert "grows" not in person.sign("contract.pdf", "--level", "B-LT").err


def test_an_authority_that_fails_costs_the_time_and_not_the_signature(
    world: World, person: Person
) -> None:
    honest = world.server.reply
    world.server.reply = lambda _: (503, TYPE, b"")
    said = person.sign("contract.pdf", "--level", "B-T")
    assert said.status == 3
    assert "Signed, but without a timestamp" in said.err
    assert "ankong extend" in said.err
    (signature,) = told(person, "contract-signed.pdf")
    assert (signature["level"], signature["problem"]) == ("B-B", None)
    assert extended(person, "contract-signed.pdf")[0] == 1
    assert person.names() == ["contract-signed.pdf", "contract.pdf"]
    world.server.reply = honest
    status, text = extended(person, "contract-signed.pdf")
    assert (status, text) == (
        0,
        "Saved as contract-signed-extended.pdf, B-T; the original is untouched.\n",
    )
    (signature,) = told(person, "contract-signed-extended.pdf")
    assert (signature["level"], signature["proven_by"]) == ("B-T", "timestamp")


def test_a_batch_asks_an_authority_that_failed_no_second_time(world: World, person: Person) -> None:
    (person.folder / "annex.pdf").write_bytes(simple_pdf("Annex"))
    world.server.reply = lambda _: (503, TYPE, b"")
    said = person.sign("contract.pdf", "annex.pdf", "--level", "B-T", "--json")
    found = json.loads(said.out)["files"]
    assert [each["lacks"]["code"] for each in found] == ["timestamp_failed"] * 2
    assert said.status == 3
    assert world.server.asked == 1


def test_lists_that_are_missing_leave_the_timestamp(world: World, person: Person) -> None:
    del world.server.files["/ca.crl"]
    said = person.sign("contract.pdf", "--level", "B-LTA", "--json")
    answer = json.loads(said.out)
    assert (said.status, answer["level"]) == (3, "B-T")
    assert answer["lacks"]["code"] == "evidence_missing"


def test_what_cannot_be_had_is_said_before_the_pin(world: World, person: Person) -> None:
    write_settings(world, person.state, timestamp_url="")
    said = person.sign("contract.pdf", "--level", "B-T", typed="000000")
    assert said.status == 1
    assert "needs a timestamp service" in said.err
    write_settings(world, person.state, evidence_urls=[])
    said = person.sign("contract.pdf", "--level", "B-LT", language="zh-Hant")
    assert "需要廢止清冊" in said.err
    assert world.server.asked == 0


@pytest.mark.parametrize("level", ["B-T", "B-LT", "B-LTA"])
def test_a_signature_alone_is_extended_to_every_level(person: Person, level: str) -> None:
    assert person.sign("contract.pdf", "--level", "B-B").status == 0
    status, text = extended(person, "contract-signed.pdf", "--level", level, "--out", "kept.pdf")
    assert status == 0, text
    assert told(person, "kept.pdf")[0]["level"] == level


def test_the_proof_is_renewed(person: Person) -> None:
    assert person.sign("contract.pdf", "--level", "B-LTA").status == 0
    words = ("contract-signed.pdf", "--level", "B-LTA", "--out", "again.pdf")
    assert extended(person, *words)[0] == 0
    found = told(person, "again.pdf")
    assert [each["is_timestamp"] for each in found] == [False, True, True]
    assert {each["verdict"] for each in found} == {"valid"}
    before = (person.folder / "contract-signed.pdf").read_bytes()
    assert (person.folder / "again.pdf").read_bytes().startswith(before)


def test_two_signatures_get_one_timestamp_of_the_document(person: Person) -> None:
    for name in ("contract.pdf", "contract-signed.pdf"):
        assert person.sign(name, "--level", "B-B").status == 0
    assert extended(person, "contract-signed-signed.pdf", "--out", "kept.pdf")[0] == 0
    found = told(person, "kept.pdf")
    assert [each["proven_by"] for each in found] == [
        "document_timestamp",
        "document_timestamp",
        "timestamp",
    ]
    assert [each["level"] for each in found] == ["B-T", "B-T", None]


def test_what_cannot_be_extended_is_said(person: Person) -> None:
    status, text = extended(person, "contract.pdf")
    assert (status, "has no signature" in text) == (1, True)
    assert person.sign("contract.pdf", "--level", "B-T").status == 0
    status, text = extended(person, "contract-signed.pdf")
    assert (status, "has a timestamp already" in text) == (1, True)
    broken = bytearray((person.folder / "contract-signed.pdf").read_bytes())
    broken[20] ^= 1
    (person.folder / "broken.pdf").write_bytes(broken)
    assert extended(person, "broken.pdf")[0] == 1
    status, text = extended(person, "contract.pdf", "--out", "contract.pdf", "--force")
    assert status == 1
    assert person.names() == ["broken.pdf", "contract-signed.pdf", "contract.pdf"]
