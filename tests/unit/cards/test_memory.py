"""What is remembered of cards: only what was proven outlives a pulled card, and never too much."""

from agent.cards.card import StoredCertificate
from agent.cards.memory import MAX_CARDS, MAX_LIMITS, CardMemory, CardRecord

SIGN = StoredCertificate(b"SIGN", "sign", b"one")
KEYX = StoredCertificate(b"KEYX", "keyx", b"two")
SERIAL = "TP00000000000001"


def filled(memory: CardMemory) -> CardRecord:
    """Return a record with everything in it, of which nothing is proven."""
    record = memory.record(SERIAL)
    record.add(SIGN)
    record.add(KEYX)
    record.complete = True
    record.rejected = frozenset({KEYX})
    record.wrong_references = frozenset({(b"SIGN", 7)})
    record.references = {b"SIGN": 1}
    record.channel_id = bytes(10)
    return record


def test_a_card_that_stays_keeps_its_record() -> None:
    memory = CardMemory()
    record = filled(memory)
    assert memory.record(SERIAL) is record
    assert memory.record("another") is not record
    assert record.certificates == (SIGN, KEYX)
    assert (record.complete, record.references) == (True, {b"SIGN": 1})
    assert (record.rejected, record.wrong_references) == ({KEYX}, {(b"SIGN", 7)})


def test_a_certificate_is_added_once() -> None:
    record = CardRecord()
    for certificate in (SIGN, KEYX, SIGN):
        record.add(certificate)
    assert record.certificates == (SIGN, KEYX)


def test_a_pulled_card_loses_what_was_not_proven_and_keeps_its_attempts() -> None:
    memory = CardMemory()
    filled(memory)
    memory.attempts.write(SERIAL, 2)
    memory.forget_unproven()
    record = memory.record(SERIAL)
    assert record.certificates == ()
    assert record.rejected == record.wrong_references == frozenset()
    assert (record.complete, record.references, record.channel_id) == (False, None, None)
    assert memory.attempts.read(SERIAL) == 2


def test_a_pulled_card_keeps_what_was_proven() -> None:
    memory = CardMemory()
    record = filled(memory)
    record.proven = frozenset({SIGN, KEYX})
    record.channel_proven = True
    memory.forget_unproven()
    assert memory.record(SERIAL).certificates == (SIGN, KEYX)
    assert (record.complete, record.references) == (True, {b"SIGN": 1})
    assert record.channel_id == bytes(10)
    assert record.rejected == frozenset()


def test_a_pulled_card_with_one_proven_certificate_is_no_complete_list() -> None:
    memory = CardMemory()
    record = filled(memory)
    record.proven = frozenset({KEYX})
    memory.forget_unproven()
    memory.record(SERIAL)
    assert record.certificates == (KEYX,)
    assert not record.complete
    assert record.references == {b"SIGN": 1}


def test_it_is_forgotten_once_for_each_time_that_a_card_was_pulled() -> None:
    memory = CardMemory()
    filled(memory)
    memory.forget_unproven()
    filled(memory)
    assert memory.record(SERIAL).certificates == (SIGN, KEYX)


def test_doubt_forgets_what_was_proven_too() -> None:
    record = filled(CardMemory())
    record.proven = frozenset({SIGN, KEYX})
    record.channel_proven = True
    record.forget()
    assert record == CardRecord(
        rejected=frozenset({KEYX}), wrong_references=record.wrong_references
    )


def test_the_least_recently_used_card_is_forgotten_first() -> None:
    memory = CardMemory()
    first = filled(memory)
    second = memory.record("second")
    for number in range(MAX_CARDS - 2):
        memory.record(f"card {number}")
    assert memory.record(SERIAL) is first
    memory.record("one more")
    assert memory.record(SERIAL) is first
    assert memory.record("second") is not second


def test_a_read_limit_belongs_to_a_reader_and_a_kind_of_card() -> None:
    memory = CardMemory()
    limit = memory.read_limit("reader", "gen1")
    assert memory.read_limit("reader", "gen1") is limit
    assert memory.read_limit("reader", "gen2") is not limit
    assert memory.read_limit("other", "gen1") is not limit
    for number in range(MAX_LIMITS):
        memory.read_limit(f"reader {number}", "gen1")
    assert memory.read_limit("reader", "gen1") is not limit
