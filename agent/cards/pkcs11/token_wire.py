"""What goes through the pipes between the agent and a module's process.

A message is a head and a body of numbers (8 bytes) and octets (4 bytes of length before them), all
big-endian. Behind a request there may be a PIN: raw bytes in one buffer that can be wiped. Either
side takes the other for a stranger: what is too long, too short or impossible is refused.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import ClassVar, Final, TypeAlias, TypeVar

from agent.cards.pkcs11.cryptoki_types import KeyType, TokenFlag

T = TypeVar("T")
MAX_BODY: Final = 1024 * 1024
MAX_SECRET: Final = 64
"""Bytes of the longest PIN that is passed on."""
MAX_CERTIFICATES: Final = 32
MAX_INPUTS: Final = 256
"""Signatures of one request."""
_HEAD: Final = struct.Struct("!BIB")
HEAD_LENGTH: Final = _HEAD.size
_NUMBER: Final = struct.Struct("!Q")
_LENGTH: Final = struct.Struct("!I")
_NAME: Final = 64
_IDENTITY: Final = 96
_DER: Final = 16 * 1024
_PATH: Final = 4096


class WireError(ValueError):
    """A message that makes no sense."""


@unique
class Reason(IntEnum):
    """Why something was not done."""

    FAILED = 0  # by the module, as the detail says
    NO_MODULE = 1  # a file that cannot be loaded as one
    GONE = 2  # no token there any more, or another one
    NO_KEY = 3
    PIN_INCORRECT = 4
    PIN_LOCKED = 5
    PIN_LENGTH = 6
    CANCELLED = 7  # on the reader's keypad


class _Bodiless:
    """A message that is all head."""

    __slots__ = ()

    def body(self) -> bytes:
        """Return it without its head."""
        return b""


@dataclass(frozen=True, slots=True)
class _AboutToken:
    """A message that says which token is meant, and no more.

    Attributes:
        slot: where it is.
        identity: which it is.

    """

    slot: int
    identity: bytes

    def body(self) -> bytes:
        """Return it without its head."""
        return _number(self.slot) + _octets(self.identity)


@dataclass(frozen=True, slots=True)
class LoadModule:
    """Load a module; the first request.

    Attributes:
        path: absolute.

    """

    path: str

    def body(self) -> bytes:
        """Return it without its head."""
        return _octets(self.path.encode("utf-8", "surrogateescape"))


@dataclass(frozen=True, slots=True)
class ListSlots(_Bodiless):
    """Ask which tokens there are."""


@dataclass(frozen=True, slots=True)
class ReadToken(_AboutToken):
    """Ask for the certificates that a token shows to everybody."""


@dataclass(frozen=True, slots=True)
class OpenToken(_AboutToken):
    """Log in, and ask for the certificates that a token shows then; the PIN comes behind it.

    The login stays for the signatures that follow, until :class:`CloseToken`.
    """


@dataclass(frozen=True, slots=True)
class CloseToken(_Bodiless):
    """Log out of the token that was opened, if one was."""


@dataclass(frozen=True, slots=True)
class SignWithToken:
    """Ask for signatures; the PIN comes behind it, or is typed on the reader's keypad.

    Attributes:
        slot: where the token is.
        identity: which it is.
        key_id: CKA_ID of the key, 1 to 64 bytes.
        kind: of the key.
        inputs: DigestInfos for RSA, digests for EC; 1 to 256.

    """

    slot: int
    identity: bytes
    key_id: bytes
    kind: KeyType
    inputs: tuple[bytes, ...]

    def body(self) -> bytes:
        """Return it without its head."""
        head = _number(self.slot) + _octets(self.identity) + _octets(self.key_id)
        return head + _number(self.kind) + _list([_octets(each) for each in self.inputs])


@dataclass(frozen=True, slots=True)
class DecryptWithToken:
    """Ask an RSA key for its bare operation; the PIN as for :class:`SignWithToken`.

    Attributes:
        slot: where the token is.
        identity: which it is.
        key_id: CKA_ID of the key, 1 to 64 bytes.
        inputs: cryptograms, each as long as the key; 1 to 256.

    """

    slot: int
    identity: bytes
    key_id: bytes
    inputs: tuple[bytes, ...]
    kind: ClassVar[KeyType] = KeyType.RSA

    def body(self) -> bytes:
        """Return it without its head."""
        head = _number(self.slot) + _octets(self.identity) + _octets(self.key_id)
        return head + _list([_octets(each) for each in self.inputs])


@dataclass(frozen=True, slots=True)
class Loaded(_Bodiless):
    """It is done: the module is there, or the token closed."""


@dataclass(frozen=True, slots=True)
class TokenState:
    """A token in a slot.

    Attributes:
        slot: its number, for the module only.
        description: of the slot, at most 64 bytes.
        identity: of the token: label (32 bytes), maker (32), model (16), serial number (16).
        flags: what is known of its PIN, and more.
        shortest: PIN, bytes.
        longest: likewise.

    """

    slot: int
    description: bytes
    identity: bytes
    flags: TokenFlag
    shortest: int
    longest: int

    def body(self) -> bytes:
        """Return it without its head."""
        texts = _octets(self.description) + _octets(self.identity)
        numbers = (self.flags, self.shortest, self.longest)
        return _number(self.slot) + texts + b"".join(map(_number, numbers))


@dataclass(frozen=True, slots=True)
class SlotList:
    """The tokens that there are, 32 at most."""

    tokens: tuple[TokenState, ...]

    def body(self) -> bytes:
        """Return it without its head."""
        return _list([each.body() for each in self.tokens])


@dataclass(frozen=True, slots=True)
class TokenCertificate:
    """A certificate as a token has it.

    Attributes:
        id: CKA_ID, which its key has too; may be empty.
        label: CKA_LABEL, unchecked.
        der: the certificate, at most 16 KiB, unchecked.

    """

    id: bytes
    label: bytes
    der: bytes

    def body(self) -> bytes:
        """Return it without its head."""
        return _octets(self.id) + _octets(self.label) + _octets(self.der)


@dataclass(frozen=True, slots=True)
class TokenContents:
    """What a token shows: to everybody, or to whoever has logged in.

    Attributes:
        token: as it is now.
        certificates: 32 at most.

    """

    token: TokenState
    certificates: tuple[TokenCertificate, ...]

    def body(self) -> bytes:
        """Return it without its head."""
        return self.token.body() + _list([each.body() for each in self.certificates])


@dataclass(frozen=True, slots=True)
class TokenSignatures:
    """What the key made, signatures or blocks, one for each input and in their order."""

    signatures: tuple[bytes, ...]

    def body(self) -> bytes:
        """Return it without its head."""
        return _list([_octets(each) for each in self.signatures])


@dataclass(frozen=True, slots=True)
class ModuleRefusal:
    """It was not done.

    Attributes:
        reason: why.
        detail: in English, for the log; at most 255 bytes.
        secret_used: whether a PIN has reached the module.

    """

    reason: Reason
    detail: str
    secret_used: bool = False

    def body(self) -> bytes:
        """Return it without its head."""
        detail = self.detail.encode("utf-8", "replace")[:255]
        return _number(self.reason) + _octets(detail) + _number(self.secret_used)


TokenRequest: TypeAlias = (
    LoadModule | ListSlots | ReadToken | SignWithToken | OpenToken | CloseToken | DecryptWithToken
)
TokenAnswer: TypeAlias = Loaded | SlotList | TokenContents | TokenSignatures | ModuleRefusal


class _Body:
    """Takes a body apart."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def number(self, most: int = 2**64 - 1) -> int:
        found = int(_NUMBER.unpack(self._take(_NUMBER.size))[0])
        if found > most:
            raise WireError("too large a number")
        return found

    def octets(self, most: int, least: int = 0) -> bytes:
        length = int(_LENGTH.unpack(self._take(_LENGTH.size))[0])
        if not least <= length <= most:
            raise WireError("octets of another length")
        return self._take(length)

    def text(self, most: int) -> str:
        return self.octets(most).decode("utf-8", "replace")

    def end(self) -> None:
        if self._at != len(self._body):
            raise WireError("more than a message")

    def _take(self, length: int) -> bytes:
        piece = self._body[self._at : self._at + length]
        if len(piece) != length:
            raise WireError("less than a message")
        self._at += length
        return piece


def _token(body: _Body) -> TokenState:
    slot, description = body.number(), body.octets(_NAME)
    identity, flags = body.octets(_IDENTITY, _IDENTITY), TokenFlag(body.number() & 0xFFFFFFFF)
    return TokenState(slot, description, identity, flags, body.number(), body.number())


def _certificate(body: _Body) -> TokenCertificate:
    return TokenCertificate(body.octets(255), body.octets(255), body.octets(_DER))


def _contents(body: _Body) -> TokenContents:
    token, count = _token(body), body.number(MAX_CERTIFICATES)
    return TokenContents(token, tuple(_certificate(body) for _ in range(count)))


def _slots(body: _Body) -> SlotList:
    return SlotList(tuple(_token(body) for _ in range(body.number(32))))


def _signatures(body: _Body) -> TokenSignatures:
    return TokenSignatures(tuple(body.octets(1024, 1) for _ in range(body.number(MAX_INPUTS))))


def _refusal(body: _Body) -> ModuleRefusal:
    reason = Reason(body.number(max(Reason)))
    return ModuleRefusal(reason, body.text(255), bool(body.number(1)))


def _load(body: _Body) -> LoadModule:
    return LoadModule(body.octets(_PATH, 1).decode("utf-8", "surrogateescape"))


def _sign(body: _Body) -> SignWithToken:
    slot, identity = body.number(), body.octets(_IDENTITY, _IDENTITY)
    key_id, kind = body.octets(64, 1), KeyType(body.number(3))
    inputs = tuple(body.octets(128, 1) for _ in range(body.number(MAX_INPUTS)))
    return SignWithToken(slot, identity, key_id, kind, inputs)


def _decrypt(body: _Body) -> DecryptWithToken:
    slot, identity = body.number(), body.octets(_IDENTITY, _IDENTITY)
    key_id, count = body.octets(64, 1), body.number(MAX_INPUTS)
    return DecryptWithToken(
        slot, identity, key_id, tuple(body.octets(1024, 1) for _ in range(count))
    )


_REQUESTS: Final[dict[int, tuple[type, Callable[[_Body], TokenRequest]]]] = {
    1: (LoadModule, _load),
    2: (ListSlots, lambda _: ListSlots()),
    3: (ReadToken, lambda body: ReadToken(body.number(), body.octets(_IDENTITY, _IDENTITY))),
    4: (SignWithToken, _sign),
    5: (OpenToken, lambda body: OpenToken(body.number(), body.octets(_IDENTITY, _IDENTITY))),
    6: (CloseToken, lambda _: CloseToken()),
    7: (DecryptWithToken, _decrypt),
}
_ANSWERS: Final[dict[int, tuple[type, Callable[[_Body], TokenAnswer]]]] = {
    128: (ModuleRefusal, _refusal),
    129: (Loaded, lambda _: Loaded()),
    130: (SlotList, _slots),
    131: (TokenContents, _contents),
    132: (TokenSignatures, _signatures),
}
_KINDS: Final = {kind: number for number, (kind, _) in (*_REQUESTS.items(), *_ANSWERS.items())}


def encode(message: TokenRequest | TokenAnswer, secret_length: int = 0) -> bytes:
    """Write a message, head and body.

    Args:
        message: the message.
        secret_length: bytes of the PIN that is sent behind it, 64 at most; 0 for none.

    """
    body = message.body()
    return _HEAD.pack(_KINDS[type(message)], len(body), secret_length) + body


def decode_head(head: bytes) -> tuple[int, int, int]:
    """Read the 6 bytes of a head; return the kind, and the lengths of body and PIN.

    Raises:
        WireError: they are none.

    """
    if len(head) != HEAD_LENGTH:
        raise WireError("less than a head")
    kind, length, secret = _HEAD.unpack(head)
    if kind not in _REQUESTS and kind not in _ANSWERS:
        raise WireError("no such message")
    if length > MAX_BODY or secret > MAX_SECRET:
        raise WireError("too long a message")
    return kind, length, secret


def decode_request(kind: int, body: bytes) -> TokenRequest:
    """Read the body of a request.

    Raises:
        WireError: it makes no sense.

    """
    return _decode(_REQUESTS, kind, body)


def decode_answer(kind: int, body: bytes) -> TokenAnswer:
    """Read the body of an answer.

    Raises:
        WireError: it makes no sense.

    """
    return _decode(_ANSWERS, kind, body)


def _decode(known: Mapping[int, tuple[type, Callable[[_Body], T]]], kind: int, body: bytes) -> T:
    """Read a body of a known kind.

    Raises:
        WireError: it makes no sense.

    """
    if kind not in known:
        raise WireError("a message the other way")
    fields = _Body(body)
    try:
        found = known[kind][1](fields)
    except ValueError as error:  # no such reason, no such kind of key
        raise WireError(str(error)) from error
    fields.end()
    return found


def _number(value: int) -> bytes:
    return _NUMBER.pack(value)


def _octets(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value


def _list(items: list[bytes]) -> bytes:
    return _number(len(items)) + b"".join(items)
