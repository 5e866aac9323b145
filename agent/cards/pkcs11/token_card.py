"""A token as a card: its certificates by their keys, its PIN as it says, its signatures in DER."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property, partial
from hashlib import sha256
from typing import ClassVar, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    ExtensionNotFound,
    KeyUsage,
    load_der_x509_certificate,
)

from agent.cards.card import ID_KEYX, ID_SIGN, Card, CardGeneration, PinRules, StoredCertificate
from agent.cards.padding import encrypts_to
from agent.cards.pkcs11.cryptoki_types import KeyType, TokenFlag
from agent.cards.pkcs11.module_client import TokenModule, TokenModuleError, TokenRefusalError
from agent.cards.pkcs11.token_wire import (
    CloseToken,
    DecryptWithToken,
    Loaded,
    OpenToken,
    ReadToken,
    Reason,
    SignWithToken,
    TokenCertificate,
    TokenContents,
    TokenSignatures,
    TokenState,
)
from agent.cms.certificate_fields import CertificateFields
from agent.cms.digest import HashAlgorithm
from agent.cms.errors import CmsError, hostile_input
from agent.cms.key_padding import may_be_encrypted
from agent.cms.keys import SignerKey, public_key
from agent.errors import (
    AgentError,
    BadRequestError,
    CardError,
    CardRemovedError,
    ErrorCode,
    KeyNotFoundError,
    PinError,
    UnsupportedCardError,
)
from agent.harmless import shortened
from agent.secret import SecretBytes

A = TypeVar("A", TokenContents, TokenSignatures)
LONGEST_PIN: Final = 64
"""Characters of the longest PIN that a module is sent."""
SIGN_SECONDS: Final = 60.0
KEYPAD_SECONDS: Final = 90.0
"""For a PIN that is typed on the reader."""
MORE_SECONDS: Final = 10.0  # for each further signature
_MAX_KEY_ID: Final = 64  # bytes
_LABEL: Final = 64  # characters
_PIN_REFUSALS: Final = {
    Reason.PIN_INCORRECT: ErrorCode.PIN_INCORRECT,
    Reason.PIN_LOCKED: ErrorCode.PIN_LOCKED,
    Reason.PIN_LENGTH: ErrorCode.PIN_LENGTH,
}
_OTHER_REFUSALS: Final[dict[Reason, type[AgentError]]] = {
    Reason.FAILED: CardError,
    Reason.NO_MODULE: TokenModuleError,
    Reason.GONE: CardRemovedError,
    Reason.NO_KEY: KeyNotFoundError,
}


class TokenCard(Card):
    """A token, for one operation; nothing is remembered of it."""

    generation: ClassVar[CardGeneration] = "pkcs11"

    def __init__(self, module: TokenModule, state: TokenState) -> None:
        """Name the token.

        Args:
            module: which answers for it.
            state: as it was when its slot was looked at.

        """
        self._module, self._state = module, state
        self._pin_sent = False
        self._opened_by: int | None = None

    @property
    def pin_rules(self) -> PinRules:
        """What CK_TOKEN_INFO says of its PIN, where that makes sense."""
        shortest, longest = self._state.shortest, min(self._state.longest, LONGEST_PIN)
        if not 1 <= shortest <= longest:
            shortest, longest = 1, LONGEST_PIN
        return PinRules(shortest, longest, attempts=None, keypad=self._has_keypad)

    @property
    def serial(self) -> str:
        """The number that its maker gave it, or where there is none one of our own."""
        return token_number(self._state.identity)

    @property
    def attempts_left(self) -> int | None:
        """0 and 1 where the token says so; it says no other number."""
        if self._state.flags & TokenFlag.USER_PIN_LOCKED:
            return 0
        return 1 if self._state.flags & TokenFlag.USER_PIN_FINAL_TRY else None

    @property
    def few_left(self) -> bool:
        """Whether a wrong PIN was sent to it since the last right one."""
        return bool(self._state.flags & TokenFlag.USER_PIN_COUNT_LOW)

    @property
    def pin_sent(self) -> bool:
        """Whether a PIN may have reached the module."""
        return self._pin_sent

    @property
    def signing_keys(self) -> tuple[bytes, ...]:
        """The one key that signs; where there are several, none of them is the first."""
        others = dict.fromkeys(each.id for each in self._signing)
        return tuple(dict.fromkeys((ID_SIGN, *others)))

    def require_pin_possible(self) -> None:
        """Refuse where the token says that its PIN is locked.

        Raises:
            PinError: ``pin_locked``.

        """
        if self.attempts_left == 0:
            raise PinError("its PIN is locked", code=ErrorCode.PIN_LOCKED, attempts_left=0)

    @property
    def hides_certificates(self) -> bool:
        """Whether it shows none but authorities' to whoever has not logged in."""
        is_open = self._opened_by is not None or not self._state.flags & TokenFlag.LOGIN_REQUIRED
        return not is_open and all(_is_authority(each) for each in self._contents.certificates)

    def reveal(self, secret: SecretBytes) -> None:
        """Log in, and read what the token shows then; :meth:`close` logs out.

        Raises:
            PinError: as of :meth:`sign`.
            AgentError: as named there.

        """
        self.pin_rules.check(secret)
        request = OpenToken(self._state.slot, self._state.identity)
        found = self._ask_with(request, TokenContents, secret)
        self._opened_by = self._module.process_id
        self.forget()
        self.__dict__["_contents"], self._state = found, found.token

    def close(self) -> None:
        """Log out where :meth:`reveal` has logged in; never raises."""
        if self._opened_by is not None and self._opened_by == self._module.process_id:
            with suppress(AgentError):  # then the process has ended, and the login with it
                self._module.ask(CloseToken(), Loaded)
        self._opened_by = None

    def certificates(self) -> tuple[StoredCertificate, ...]:
        """Read every certificate that the token shows.

        Raises:
            PinError: ``pin_required``: it shows none without a PIN; nobody logs in unasked.
            UnsupportedCardError: it has none.
            AgentError: as named.

        """
        if self.hides_certificates:
            raise PinError("it shows no certificate without a PIN", code=ErrorCode.PIN_REQUIRED)
        if not self._stored:
            raise UnsupportedCardError("the token has no certificate")
        return self._stored

    def certificates_of(self, key_id: bytes) -> Iterator[StoredCertificate]:
        """Read the certificates of a key.

        Raises:
            KeyNotFoundError: there is none, or several keys sign, or decrypt, and none was named.

        """
        found = [each for each in self.certificates() if each.id == key_id]
        if not found and key_id == ID_SIGN and self._signing:
            raise KeyNotFoundError("several keys sign: name the certificate")
        if not found:
            raise KeyNotFoundError("the token has no such key")
        yield from found

    def is_proven(self, certificate: StoredCertificate) -> bool:
        """Tell that the module reads what is there."""
        return certificate in self._stored

    def prove(self, *certificates: StoredCertificate) -> None:
        """Remember nothing."""

    def reject(self, certificate: StoredCertificate) -> None:
        """Remember nothing."""

    def read_again(self, certificate: StoredCertificate) -> None:
        """Need no second reading."""

    def forget(self) -> None:
        """Forget what was read."""
        for name in ("_contents", "_stored", "_signing"):
            self.__dict__.pop(name, None)

    def sign(
        self, key_id: bytes, secret: SecretBytes, digests: Sequence[tuple[HashAlgorithm, bytes]]
    ) -> tuple[bytes, ...]:
        """Sign; errors as of :meth:`agent.cards.card.Card.sign`.

        Raises:
            AgentError: as named there; ``user_cancelled`` on the reader's keypad;
                ``token_module_failed``.

        """
        if not digests:
            raise BadRequestError("nothing to sign")
        self.pin_rules.check(secret)
        certificate = next(self.certificates_of(key_id))
        key = _key_of(certificate.der)
        if key is None:
            raise KeyNotFoundError("no key that signs here")
        is_rsa = isinstance(key, RSAPublicKey)
        request = SignWithToken(
            self._state.slot,
            self._state.identity,
            self._places[certificate.der],
            KeyType.RSA if is_rsa else KeyType.EC,
            tuple(_input(key, algorithm, digest) for algorithm, digest in digests),
        )
        made = self._ask_with(request, TokenSignatures, secret).signatures
        if len(made) != len(digests):
            raise CardError("the module made another number of signatures")
        return made if is_rsa else tuple(_value(key, each) for each in made)

    def decrypt(
        self, key_id: bytes, secret: SecretBytes, cryptograms: Sequence[bytes]
    ) -> tuple[bytes, ...]:
        """Decrypt; errors as of :meth:`agent.cards.card.Card.decrypt`.

        Raises:
            AgentError: as named there, and as of :meth:`sign`.

        """
        self.pin_rules.check(secret)
        certificate = next(self.certificates_of(key_id))
        key = _key_of(certificate.der)
        if certificate.id != ID_KEYX or not isinstance(key, RSAPublicKey):
            raise KeyNotFoundError("no key that decrypts here")
        if not cryptograms or not all(may_be_encrypted(key, each) for each in cryptograms):
            raise BadRequestError("a cryptogram is as long as the key, and smaller")
        place = self._places[certificate.der]
        request = DecryptWithToken(
            self._state.slot, self._state.identity, place, tuple(cryptograms)
        )
        made = self._ask_with(request, TokenSignatures, secret).signatures
        size = (key.key_size + 7) // 8
        blocks = tuple(each.rjust(size, b"\0") for each in made)
        fits = partial(encrypts_to, certificate.der)
        if len(made) != len(cryptograms) or not all(map(fits, blocks, cryptograms)):
            raise CardError("what the module made is not what was encrypted")
        return blocks

    @property
    def _has_keypad(self) -> bool:
        return bool(self._state.flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH)

    @cached_property
    def _contents(self) -> TokenContents:
        with _said_as_card():
            found = self._module.ask(
                ReadToken(self._state.slot, self._state.identity), TokenContents
            )
        self._state = found.token
        return found

    @property
    def _places(self) -> dict[bytes, bytes]:
        """CKA_ID by certificate."""
        return {each.der: each.id for each in self._contents.certificates}

    @cached_property
    def _stored(self) -> tuple[StoredCertificate, ...]:
        found = self._contents.certificates
        signing = [each for each in found if _signs(each)]
        chosen = _chosen(signing)
        both = {each.id for each in signing}  # by another certificate of the same key
        opening = [each for each in found if _decrypts(each) and each.id not in both]
        names: dict[TokenCertificate, bytes] = {}
        if len({each.id for each in opening}) == 1:
            names |= dict.fromkeys(opening, ID_KEYX)
        names |= {each: ID_SIGN for each in signing if each.id == chosen}
        return tuple(dict.fromkeys(_stored(each, names.get(each)) for each in found))

    @cached_property
    def _signing(self) -> tuple[StoredCertificate, ...]:
        signs = {each.der for each in self._contents.certificates if _signs(each)}
        return tuple(each for each in self._stored if each.der in signs)

    def _ask_with(
        self,
        request: OpenToken | SignWithToken | DecryptWithToken,
        kind: type[A],
        secret: SecretBytes,
    ) -> A:
        seconds = KEYPAD_SECONDS if self._has_keypad else SIGN_SECONDS
        if not isinstance(request, OpenToken):
            seconds += MORE_SECONDS * (len(request.inputs) - 1)
        before = self._pin_sent
        try:
            self._pin_sent = True  # also where the module fails before it says so
            return self._module.ask(request, kind, secret, seconds)
        except TokenRefusalError as error:
            self._pin_sent = before or error.refusal.secret_used
            raise _as_card_error(error) from error
        except AgentError as error:
            is_taken_back = error.code is ErrorCode.USER_CANCELLED
            self._pin_sent = before or not is_taken_back
            raise


def token_number(identity: bytes) -> str:
    """Return the number of a token, printable ASCII, at most 16 characters.

    Args:
        identity: label, maker, model and serial number, 96 bytes as the module gives them.

    """
    number = identity[80:].rstrip(b" \0").lstrip()
    if number and all(0x20 < byte < 0x7F for byte in number):
        return number.decode("ascii")
    return sha256(identity).hexdigest()[:16].upper()


class _said_as_card:  # noqa: N801  # read as a statement
    """Turns what a module refused into the errors of cards."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, TokenRefusalError):
            raise _as_card_error(error) from error


def _as_card_error(error: TokenRefusalError) -> AgentError:
    detail, reason = error.detail, error.refusal.reason
    if reason in _PIN_REFUSALS:
        left = 0 if reason is Reason.PIN_LOCKED else None
        return PinError(detail, code=_PIN_REFUSALS[reason], attempts_left=left)
    if reason is Reason.CANCELLED:
        return AgentError("cancelled on the keypad", code=ErrorCode.USER_CANCELLED)
    return _OTHER_REFUSALS[reason](detail)


def _stored(found: TokenCertificate, role: bytes | None) -> StoredCertificate:
    name = role or found.id.hex().encode() or b"-"
    label = shortened(found.label.decode("utf-8", "replace").strip(), _LABEL)
    return StoredCertificate(name, label, found.der)


def _chosen(signing: Sequence[TokenCertificate]) -> bytes | None:
    """Return CKA_ID of the key that signs where none is named: the only one.

    Where there are several, the only one whose certificate is made for what a person stands by.
    """
    for some in (signing, [each for each in signing if _commits(each)]):
        names = {each.id for each in some}
        if len(names) == 1:
            return names.pop()
    return None


def _signs(found: TokenCertificate) -> bool:
    """Return whether a certificate has a key on the token that may sign, as far as it says."""
    if not 0 < len(found.id) <= _MAX_KEY_ID or _key_of(found.der) is None:
        return False
    try:
        with hostile_input("certificate"):
            certificate = load_der_x509_certificate(found.der)
            usage = _usage(certificate)
            is_issuer = _is_issuer(certificate)
    except CmsError:
        return False
    may = usage is None or usage.digital_signature or usage.content_commitment
    return bool(may) and not is_issuer


def _decrypts(found: TokenCertificate) -> bool:
    """Return whether a certificate has an RSA key that others encrypt to, and that never signs.

    With one that does both, whoever has something decrypted could have it sign.
    """
    if not 0 < len(found.id) <= _MAX_KEY_ID or not isinstance(_key_of(found.der), RSAPublicKey):
        return False
    try:
        with hostile_input("certificate"):
            usage = _usage(load_der_x509_certificate(found.der))
    except CmsError:
        return False
    if usage is None or usage.digital_signature or usage.content_commitment:
        return False
    return usage.key_encipherment or usage.data_encipherment


def _commits(found: TokenCertificate) -> bool:
    usage = _usage(load_der_x509_certificate(found.der))
    return usage is not None and usage.content_commitment


def _usage(certificate: Certificate) -> KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(KeyUsage).value
    except ExtensionNotFound:
        return None


def _is_authority(found: TokenCertificate) -> bool:
    try:
        with hostile_input("certificate"):
            return _is_issuer(load_der_x509_certificate(found.der))
    except CmsError:
        return False


def _is_issuer(certificate: Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(BasicConstraints).value.ca
    except ExtensionNotFound:
        return False


def _key_of(der: bytes) -> SignerKey | None:
    try:
        with hostile_input("certificate"):
            return public_key(CertificateFields.of(der).public_key)
    except CmsError:
        return None


def _input(key: SignerKey, algorithm: HashAlgorithm, digest: bytes) -> bytes:
    """Return what the mechanism takes: DigestInfo, or as much of the digest as the curve has."""
    if isinstance(key, RSAPublicKey):
        return algorithm.digest_info(digest)
    return digest[: (key.curve.key_size + 7) // 8]


def _value(key: SignerKey, made: bytes) -> bytes:
    """Return ECDSA-Sig-Value of r and s, each half of what the module made.

    Raises:
        CardError: it is none.

    """
    half, odd = divmod(len(made), 2)
    if odd or isinstance(key, RSAPublicKey) or half > (key.curve.key_size + 7) // 8:
        raise CardError("the module made a signature of another length")
    return encode_dss_signature(
        int.from_bytes(made[:half], "big"), int.from_bytes(made[half:], "big")
    )
