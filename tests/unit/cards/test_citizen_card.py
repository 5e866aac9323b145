"""The citizen card's driver on a card that answers what it should not."""

from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from agent.cards.card import ID_KEYX, ID_SIGN
from agent.cards.known_attempts import MemoryAttempts
from agent.cards.memory import CardMemory
from agent.errors import (
    BadRequestError,
    CardError,
    ErrorCode,
    KeyNotFoundError,
    OtherGenerationError,
    PinError,
    UnsupportedCardError,
)
from agent.iso7816.tlv import encode
from agent.secret import SecretBytes
from tests.unit.cards.file_cards import (
    DER,
    DIGEST,
    PRIVATE_OPERATION,
    SELECT,
    VERIFY,
    certificate_entry,
    file_card,
    open_card,
    pin,
)
from tests.unit.cards.scripted import FileCard

# Files.


def test_a_certificate_is_read_where_its_entry_says() -> None:
    card = file_card(certificate_entry(offset=100, length=300))
    (found,) = open_card(card).certificates()
    assert (found.id, found.label, found.der) == (ID_SIGN, "label", DER[100:400])


@pytest.mark.parametrize("content", [DER[:-1], DER[:1], DER[:256], b""])
def test_a_certificate_that_is_cut_short_is_none(content: bytes) -> None:
    for ask in (
        lambda opened: opened.certificates(),
        lambda opened: next(opened.certificates_of(ID_SIGN)),
    ):
        card = file_card(certificate_entry(), content=content or b"\0")
        with pytest.raises(UnsupportedCardError, match="cut short"):
            ask(open_card(card))


@pytest.mark.parametrize("path", ["08F2", "503008F2", "3F00503008F2", "7FFF503008F2"])
def test_a_path_leads_to_the_file_from_the_root_or_from_here(path: str) -> None:
    (found,) = open_card(file_card(certificate_entry(path=path))).certificates()
    assert found.der == DER


@pytest.mark.parametrize("root", ["3F00", "7FFF"])
def test_a_path_leads_through_its_directories(root: str) -> None:
    card = file_card(certificate_entry(path=f"{root}6000700008F2"))
    open_card(card).certificates()
    selected = card.selected()
    assert selected[2:6] == [0x3F00, 0x6000, 0x7000, 0x08F2]


@pytest.mark.parametrize("depth", [5, 6, 50])
def test_a_path_deeper_than_the_card_s_files_is_not_followed(depth: int) -> None:
    card = file_card(certificate_entry(path="3F00" + "5030" * (depth - 2) + "08F2"))
    opened = open_card(card)
    with pytest.raises(UnsupportedCardError, match="deeper"):
        opened.certificates()
    assert 0x08F2 not in card.selected()


def test_an_entry_that_points_to_nothing_hides_no_other() -> None:
    card = file_card(
        certificate_entry(ID_KEYX, path="3F0050300999"),
        certificate_entry(ID_SIGN),
        encode(0x30, b"\x04\x01\x00"),
    )
    card.missing = {0x0999}
    assert [found.id for found in open_card(card).certificates()] == [ID_SIGN]


def test_a_directory_that_names_nothing_readable_is_an_error_and_no_empty_list() -> None:
    card = file_card(certificate_entry(path="3F0050300999"))
    card.missing = {0x0999}
    with pytest.raises(CardError) as error:
        open_card(card).certificates()
    assert error.value.status_word == 0x6A82
    with pytest.raises(UnsupportedCardError, match="makes no sense"):
        open_card(file_card(encode(0x30, b"\x04\x01\x00"))).certificates()


def test_a_card_without_a_directory_has_no_certificates() -> None:
    card = file_card()
    card.missing = {0x4104}
    with pytest.raises(UnsupportedCardError, match="without certificates"):
        open_card(card).certificates()


def test_more_certificates_than_any_card_has_are_left_out() -> None:
    entries = (certificate_entry(bytes((65 + n,)), length=n + 1) for n in range(40))
    usual = [ID_KEYX, b"CACert", b"ROOTCACert", ID_SIGN]
    last = (certificate_entry(name, length=100 + n) for n, name in enumerate(usual))
    found = [each.id for each in open_card(file_card(*entries, *last)).certificates()]
    assert found == [bytes((65 + n,)) for n in range(28)] + usual


def test_a_directory_that_is_read_differently_twice_is_an_error() -> None:
    card = file_card(certificate_entry(), certificate_entry(ID_KEYX))
    opened = open_card(card)
    read, times = card.connection._answer, 0

    def cut_the_second_time(command: bytes) -> bytes:
        nonlocal times
        if command[1] == SELECT and command[5:7] == b"\x41\x04":
            times += 1
            if times == 2:
                card.files[0x4104] = certificate_entry()
        return read(command)

    card.connection._answer = cut_the_second_time
    with pytest.raises(CardError, match="differently twice"):
        opened.certificates()
    assert times == 2


def test_a_card_that_is_another_by_the_end_of_the_reading_is_an_error() -> None:
    card = file_card(certificate_entry())
    opened = open_card(card)
    card.files[0x0903] = b"TP00000000000002"
    with pytest.raises(CardError, match="differently twice"):
        opened.certificates()


def test_certificates_of_a_key_come_one_by_one_and_the_rejected_last() -> None:
    card = file_card(
        certificate_entry(length=300),
        certificate_entry(ID_KEYX, length=400),
        certificate_entry(length=500),
    )
    opened = open_card(card)
    first, second = opened.certificates_of(ID_SIGN)
    assert (len(first.der), len(second.der)) == (300, 500)
    opened.reject(first)
    assert list(opened.certificates_of(ID_SIGN)) == [second, first]
    assert [len(found.der) for found in opened.certificates_of(ID_KEYX)] == [400]
    with pytest.raises(KeyNotFoundError):
        next(opened.certificates_of(b"NONE"))


def test_the_first_certificate_is_read_without_the_others() -> None:
    card = file_card(certificate_entry(), certificate_entry(ID_KEYX, path="3F00503008F3"))
    next(open_card(card).certificates_of(ID_SIGN))
    assert 0x08F3 not in card.selected()
    with pytest.raises(KeyNotFoundError):
        next(open_card(card).certificates_of(b"NONE"))


def test_a_certificate_that_cannot_be_read_does_not_hide_the_key_s_next() -> None:
    # Two entries do not fit into one read here: the directory is read on after the certificate.
    label = encode(0x30, encode(0x0C, b"x" * 200))
    for count in (1, 3):
        entries = [label + certificate_entry(path="3F0050300999")] * count
        card = file_card(*entries, label, certificate_entry(length=300))
        card.missing = {0x0999}
        assert len(next(open_card(card).certificates_of(ID_SIGN)).der) == 300


def test_a_key_with_no_certificate_that_can_be_read_is_given_up() -> None:
    entries = (certificate_entry(path="3F0050300999", offset=n) for n in range(200))
    card = file_card(*entries)
    card.missing = {0x0999}
    with pytest.raises(CardError) as error:
        next(open_card(card).certificates_of(ID_SIGN))
    assert error.value.status_word == 0x6A82
    assert card.selected().count(0x0999) == 32


def test_a_certificate_is_read_again() -> None:
    card = file_card(certificate_entry())
    opened = open_card(card)
    (found,) = opened.certificates()
    opened.read_again(found)
    card.files[0x08F2] = DER[:-1] + b"\x55"
    with pytest.raises(CardError, match="differently twice"):
        opened.read_again(found)


def test_what_was_proven_is_known_as_such() -> None:
    opened = open_card(file_card(certificate_entry(), certificate_entry(ID_KEYX)))
    one, two = opened.certificates()
    opened.prove(one)
    assert (opened.is_proven(one), opened.is_proven(two)) == (True, False)
    opened.prove(two)
    assert opened.is_proven(one)
    opened.forget()
    assert not opened.is_proven(one)


def test_reading_again_reads_nothing_else() -> None:
    elsewhere = "3F00503008F3"
    card = file_card(
        certificate_entry(ID_KEYX, length=300, path=elsewhere),
        certificate_entry(ID_SIGN, length=400, path=elsewhere),
        certificate_entry(ID_SIGN, length=300),
    )
    card.files[0x08F3] = DER
    opened = open_card(card)
    found = opened.certificates()[-1]
    card.connection.sent.clear()
    opened.read_again(found)
    assert 0x08F2 in card.selected()
    assert 0x08F3 not in card.selected()


def left_out(card: FileCard) -> list[str]:
    """Return which entries the log names as left out, each once."""
    with capture_logs() as logged:
        open_card(card).certificates()
    return list(dict.fromkeys(str(each["entry"]) for each in logged if "entry" in each))


def test_the_log_names_every_entry_that_is_left_out() -> None:
    card = file_card(
        certificate_entry(ID_KEYX, path="3F0050300999"),
        certificate_entry(),
        encode(0x30, b"\x04\x01\x00"),
    )
    card.missing = {0x0999}
    # By the identifier: some cards have the holder's name for a label.
    assert left_out(card) == ["an entry that is no certificate's", "KEYX"]
    assert left_out(file_card(certificate_entry())) == []
    entries = [certificate_entry(length=n + 1) for n in range(33)]
    assert left_out(file_card(*entries[:32])) == []
    assert len(left_out(file_card(*entries))) == 1


# The number.


@pytest.mark.parametrize(
    ("raw", "serial"),
    [
        (b"TP00000000000001", "TP00000000000001"),
        (b"TP1\0\0\0\0\0\0\0\0\0\0\0\0\0", "TP1"),
        (b"TP1\xff\xff\xff", "TP1"),
        (b"  TP1\t", "TP1"),
        (b"TP00000000000001and more", "TP00000000000001"),
    ],
)
def test_a_number_is_read_without_its_filling(raw: bytes, serial: str) -> None:
    assert open_card(FileCard({0x0903: raw})).serial == serial


@pytest.mark.parametrize("raw", [b"", b"\0" * 16, b"\xff" * 16, b" ", b"TP\x001", b"TP\xe4", b"\n"])
def test_a_card_without_a_number_is_not_used(raw: bytes) -> None:
    with pytest.raises(UnsupportedCardError):
        open_card(FileCard({0x0903: raw}))


@pytest.mark.parametrize("missing", [0x0900, 0x0903])
def test_a_card_without_a_file_for_its_number_is_not_used(missing: int) -> None:
    card = FileCard({})
    card.missing = {missing}
    with pytest.raises(UnsupportedCardError) as error:
        open_card(card)
    assert not isinstance(error.value, OtherGenerationError)


def test_a_card_without_this_generation_s_root_is_another_s() -> None:
    card = FileCard({})
    card.missing = {0x3F00}
    with pytest.raises(OtherGenerationError):
        open_card(card)
    assert len(card.connection.sent) == 1


# The private key.


@pytest.mark.parametrize(
    "halves",
    [
        (bytes(127), bytes(128)),
        (bytes(128), bytes(127)),
        (bytes(128), b""),
        (b"", bytes(128)),
        (bytes(128), bytes(129)),
        (b"", b""),
    ],
)
def test_a_result_that_is_not_as_long_as_the_key_is_no_signature(
    halves: tuple[bytes, bytes],
) -> None:
    card = FileCard({})
    card.halves = halves
    with pytest.raises(CardError, match="not as long as its key"):
        open_card(card).sign(ID_SIGN, pin(), [DIGEST])


def test_a_block_goes_in_and_comes_out_in_halves() -> None:
    card = FileCard({})
    card.halves = (b"\x01" * 128, b"\x02" * 128)
    assert open_card(card).sign(ID_SIGN, pin(), [DIGEST]) == (b"\x01" * 128 + b"\x02" * 128,)
    first, last, rest = card.connection.sent[-3:]
    assert (first[:5].hex(), last[:5].hex()) == ("80ea820180", "80ea020180")
    assert rest.hex() == "80c1008080"
    block = first[5:] + last[5:]
    assert len(block) == 256
    assert block[:2] == b"\x00\x01"
    assert block[-32:] == bytes(32)


@pytest.mark.parametrize("lengths", [[], [0], [255], [257], [256, 255], [512]])
def test_an_input_of_another_length_reaches_neither_pin_nor_card(lengths: list[int]) -> None:
    card = file_card(certificate_entry(ID_KEYX))
    opened = open_card(card)
    with pytest.raises(BadRequestError):
        opened.decrypt(ID_KEYX, pin(), [bytes(length) for length in lengths])
    assert (card.count(VERIFY), card.count(PRIVATE_OPERATION)) == (0, 0)
    assert not opened.pin_sent


def test_nothing_to_sign_reaches_neither_pin_nor_card() -> None:
    card = FileCard({})
    with pytest.raises(BadRequestError):
        open_card(card).sign(ID_SIGN, pin(), [])
    assert card.connection.sent == []


def test_a_pin_that_no_card_has_is_not_sent() -> None:
    card = FileCard({})
    with pytest.raises(PinError) as error:
        open_card(card).sign(ID_SIGN, SecretBytes.from_text("12345"), [DIGEST])
    assert error.value.code is ErrorCode.PIN_LENGTH
    assert card.connection.sent == []


@pytest.mark.parametrize("status", [0x6C0A, 0x6C00, 0x6110, 0x6700, 0x6987, 0x6A88, 0x6F00])
def test_a_verify_is_sent_once_whatever_the_card_answers(status: int) -> None:
    card = FileCard({})
    card.verify = status
    opened = open_card(card)
    with pytest.raises(CardError):
        opened.sign(ID_SIGN, pin(), [DIGEST, DIGEST])
    assert card.count(VERIFY) == 1
    assert card.count(PRIVATE_OPERATION) == 0
    assert opened.pin_sent


def test_a_wrong_pin_is_sent_once_for_all_documents() -> None:
    card = FileCard({})
    card.verify = 0x63C2
    opened = open_card(card)
    with pytest.raises(PinError):
        opened.sign(ID_SIGN, pin(), [DIGEST, DIGEST])
    assert card.count(VERIFY) == 1
    assert opened.attempts_left == 2


def attempts_after(status: int, known: int | None) -> int | None:
    card, memory = FileCard({}), CardMemory()
    if known is not None:
        memory.attempts.write("TP00000000000001", known)
    card.verify = status
    opened = open_card(card, memory)
    with pytest.raises(CardError):
        opened.sign(ID_SIGN, pin(), [DIGEST])
    return opened.attempts_left


@pytest.mark.parametrize(("known", "left"), [(3, 2), (2, 1), (1, 1), (None, None)])
def test_a_verify_that_failed_otherwise_counts_as_an_attempt(
    known: int | None, left: int | None
) -> None:
    assert attempts_after(0x6F00, known) == left


class Written(MemoryAttempts):
    """Remembers in which order attempts were written and PINs were sent."""

    def __init__(self, card: FileCard, known: int | None) -> None:
        super().__init__()
        self.steps: list[tuple[int, int]] = []
        if known is not None:
            self.write("TP00000000000001", known)
        self._card = card

    def write(self, serial: str, attempts_left: int) -> None:
        """Note the number, and how many PINs were sent before it was written."""
        super().write(serial, attempts_left)
        card = getattr(self, "_card", None)
        self.steps.append((attempts_left, card.count(VERIFY) if card else 0))


@pytest.mark.parametrize(
    ("known", "status", "steps"),
    [
        (3, 0x9000, [(2, 0), (3, 1)]),
        (1, 0x9000, [(1, 0), (3, 1)]),
        (2, 0x63C1, [(1, 0), (1, 1)]),
        (3, 0x6F00, [(2, 0)]),
        (None, 0x63C2, [(2, 1)]),
        (0, 0x6983, [(0, 1)]),
    ],
)
def test_an_attempt_is_taken_off_before_the_pin_is_sent(
    known: int | None, status: int, steps: list[tuple[int, int]]
) -> None:
    """Whoever kills the agent in between leaves no attempt that was never counted."""
    card = FileCard({})
    card.verify = status
    written = Written(card, known)
    written.steps.clear()
    opened = open_card(card, CardMemory(written))
    with suppress(CardError, PinError):
        opened.sign(ID_SIGN, pin(), [DIGEST])
    assert written.steps == steps


def test_a_batch_is_written_as_one_use_is() -> None:
    card = FileCard({})
    written = Written(card, 3)
    written.steps.clear()
    open_card(card, CardMemory(written)).sign(ID_SIGN, pin(), [DIGEST, DIGEST, DIGEST])
    assert written.steps == [(2, 0), (3, 1)]


def test_what_the_card_says_of_the_attempts_is_believed() -> None:
    assert attempts_after(0x63C1, 3) == 1
    assert attempts_after(0x6983, None) == 0


def test_a_fault_before_the_verify_counts_as_none() -> None:
    card, memory = FileCard({}), CardMemory()
    memory.attempts.write("TP00000000000001", 2)
    opened = open_card(card, memory)
    card.missing = {0x0810}
    with pytest.raises(CardError):
        opened.sign(ID_SIGN, pin(), [DIGEST])
    assert (opened.attempts_left, opened.pin_sent) == (2, False)


def test_a_right_pin_sets_the_attempts_back() -> None:
    card, memory = FileCard({}), CardMemory()
    memory.attempts.write("TP00000000000001", 1)
    opened = open_card(card, memory)
    opened.sign(ID_SIGN, pin(), [DIGEST])
    assert opened.attempts_left == 3


def test_a_decryption_that_does_not_encrypt_to_the_cryptogram_is_an_error() -> None:
    card = file_card(certificate_entry(ID_KEYX))
    card.halves = (b"\x00\x02" + b"\x01" * 126, b"\x01" * 120 + b"\x00message")
    with pytest.raises(CardError, match="does not belong"):
        open_card(card).decrypt(ID_KEYX, pin(), [bytes(256)])
    assert card.count(PRIVATE_OPERATION) == 2
