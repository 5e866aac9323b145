"""The ways in which one command can go wrong.

Where nothing else is said the card carries the command out and its answer is spoilt on the way:
that is the worse case, because card and agent then disagree about what has happened.
"""

from random import Random
from typing import Final

from agent.virtualcard.operating_system import INS_VERIFY
from agent.virtualcard.status import CardPulledError
from tests.faults.card import Fault, FaultyCard

INS_GET_RESPONSE: Final = 0xC0
SUCCESS: Final = b"\x90\x00"
_PIECE: Final = 16  # bytes that an endless response has in each answer


def _removed_before(card: FaultyCard, _command: bytes, _random: Random) -> bytes:
    card.pull()
    raise CardPulledError


def _removed_after(card: FaultyCard, command: bytes, _random: Random) -> bytes:
    card.carry_out(command)
    card.pull()
    raise CardPulledError


def _no_answer(card: FaultyCard, command: bytes, _random: Random) -> bytes:
    card.carry_out(command)
    return b""


def _late_answer(card: FaultyCard, command: bytes, _random: Random) -> bytes:
    card.hold()
    return card.carry_out(command)


def _random_bytes(card: FaultyCard, command: bytes, random: Random) -> bytes:
    card.carry_out(command)
    return random.randbytes(random.randrange(2, 258))


def _random_success(card: FaultyCard, command: bytes, random: Random) -> bytes:
    card.carry_out(command)
    return random.randbytes(random.randrange(257)) + SUCCESS


def _noise(card: FaultyCard, command: bytes, random: Random) -> bytes:
    """Answer as many bytes as are right, all of them wrong."""
    return random.randbytes(len(card.carry_out(command)) - 2) + SUCCESS


def _flipped_bit(card: FaultyCard, command: bytes, random: Random) -> bytes:
    answer = bytearray(card.carry_out(command))
    place = random.randrange(len(answer) - 2 or 2)  # in the data, where there is any
    answer[place] ^= 1 << random.randrange(8)
    return bytes(answer)


def _half(card: FaultyCard, command: bytes, _random: Random) -> bytes:
    answer = card.carry_out(command)
    return answer[: (len(answer) - 2) // 2] + answer[-2:]


def _cut(card: FaultyCard, command: bytes, random: Random) -> bytes:
    answer = card.carry_out(command)
    return answer[: random.randrange(1, len(answer))]


def _one_byte(card: FaultyCard, command: bytes, _random: Random) -> bytes:
    return card.carry_out(command)[-2:-1]


def _doubled(card: FaultyCard, command: bytes, _random: Random) -> bytes:
    return card.carry_out(command) * 2


def _status(sw: int) -> Fault:
    """Answer a status word alone, of a command that was carried out."""

    def lie(card: FaultyCard, command: bytes, _random: Random) -> bytes:
        card.carry_out(command)
        return sw.to_bytes(2, "big")

    return lie


def _refusal(sw: int) -> Fault:
    """Answer a status word, of a command that was not carried out."""
    return lambda _card, _command, _random: sw.to_bytes(2, "big")


def _warning(sw: int) -> Fault:
    """Answer the data with another status word."""

    def warn(card: FaultyCard, command: bytes, _random: Random) -> bytes:
        return card.carry_out(command)[:-2] + sw.to_bytes(2, "big")

    return warn


def _more(length: int) -> bytes:
    return bytes((0x61, min(length, 0xFF)))


def _chained(fetched: Fault) -> Fault:
    """Answer 61xx, and each GET RESPONSE after it as ``fetched`` does."""

    def begin(card: FaultyCard, command: bytes, random: Random) -> bytes:
        def follow(next_command: bytes) -> bytes | None:
            if next_command[1] != INS_GET_RESPONSE:
                return None
            return fetched(card, next_command, random)

        length = len(card.carry_out(command)) - 2
        card.follow(follow)
        return _more(length or _PIECE)

    return begin


def _endless(_card: FaultyCard, _command: bytes, random: Random) -> bytes:
    return random.randbytes(_PIECE) + _more(_PIECE)


def _junk(_card: FaultyCard, command: bytes, random: Random) -> bytes:
    return random.randbytes(command[-1] or 256) + SUCCESS


def _genuine_chain(card: FaultyCard, command: bytes, _random: Random) -> bytes:
    """Answer as through a T=0 reader; what has no data is answered as it is."""
    answer = card.carry_out(command)
    if len(answer) == 2:
        return answer
    rest = [answer]

    def follow(next_command: bytes) -> bytes | None:
        if next_command[1] != INS_GET_RESPONSE or not rest:
            return None
        return rest.pop()

    card.follow(follow)
    return bytes((0x61, (len(answer) - 2) & 0xFF))


def _wrong_length_endless(card: FaultyCard, command: bytes, random: Random) -> bytes:
    """Answer 6Cxx to the command and its repetitions, none of which is carried out."""

    def follow(next_command: bytes) -> bytes | None:
        if next_command[:4] != command[:4] or command[1] == INS_VERIFY:
            return None
        return bytes((0x6C, random.randrange(256)))

    card.follow(follow)
    return bytes((0x6C, random.randrange(256)))


def _killed_before(card: FaultyCard, _command: bytes, _random: Random) -> bytes:
    card.kill_daemon()
    return b""


def _killed_after(card: FaultyCard, command: bytes, _random: Random) -> bytes:
    answer = card.carry_out(command)
    card.kill_daemon()
    return answer


_ERRORS: Final = (0x6F00, 0x6982, 0x6985, 0x6A82, 0x6988, 0x6700)

KINDS: Final[dict[str, Fault]] = {
    "removed before": _removed_before,
    "removed after": _removed_after,
    "no answer": _no_answer,
    "late answer": _late_answer,
    "random bytes": _random_bytes,
    "random with 9000": _random_success,
    "noise of the right length": _noise,
    "flipped bit": _flipped_bit,
    "half the data": _half,
    "cut": _cut,
    "one byte": _one_byte,
    "doubled": _doubled,
    **{f"{sw:04X} said": _status(sw) for sw in _ERRORS},
    **{f"{sw:04X} meant": _refusal(sw) for sw in _ERRORS},
    "6283": _warning(0x6283),
    "6300": _status(0x6300),
    "61xx dead": _chained(_refusal(0x6F00)),
    "61xx endless": _chained(_endless),
    "61xx junk": _chained(_junk),
    "61xx genuine": _genuine_chain,
    "6C00": _refusal(0x6C00),
    "6C10": _refusal(0x6C10),
    "6Cxx endless": _wrong_length_endless,
}
"""Every fault by the name of its row. "Said" is a lie; "meant" is a command not carried out."""

DAEMON_KINDS: Final[dict[str, Fault]] = {
    "daemon killed before": _killed_before,
    "daemon killed after": _killed_after,
}
"""The faults of a real pcscd, which there is behind one door only."""
