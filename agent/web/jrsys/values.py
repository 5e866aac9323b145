"""How values are written in JRSYS's protocol: the one table of what is inferred, and its readers.

Two kits of the page's side have been read, the component has not: the names of fields are known,
and most formats of values are guesses. They all stand in :class:`Formats`, so that one record of a
real visit changes one line, and nothing on the road of a request.
"""

import binascii
import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Literal, TypeAlias

from agent.cms.digest import HashAlgorithm
from agent.cms.encrypted_content import AesCbc
from agent.size_limits import MAX_JRSYS_TEXT
from agent.web.jrsys.errors import JrsysError, ReturnValue

KeyName: TypeAlias = Literal["SIGN", "KEYX"]
"""The two certificates of a citizen's card, as :mod:`agent.signing` calls them."""

_TAIPEI: Final = timezone(timedelta(hours=8))  # since 1980 without summer time
_BLANKS: Final = b" \t\r\n\v\f"
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_DIGESTS: Final[Mapping[int, HashAlgorithm]] = {0: HashAlgorithm.SHA1, 7: HashAlgorithm.SHA256}
_CIPHERS: Final[Mapping[int, AesCbc]] = {
    1: AesCbc.AES_128,
    2: AesCbc.AES_192,
    3: AesCbc.AES_256,
}
_DIGITAL_SIGNATURE: Final = 0x80  # the first bits of KeyUsage, RFC 5280 §4.2.1.3
_ENCIPHERMENT: Final = 0x20 | 0x10  # of keys, of data
_BY_KEY_SPEC: Final[Mapping[int, KeyName]] = {0: "SIGN", 1: "KEYX", 2: "SIGN"}
"""CryptoAPI's AT_KEYEXCHANGE (1) and AT_SIGNATURE (2); 0 is what a page has that says nothing."""
_PRESENCE: Final[Mapping[str, tuple[object, object]]] = {
    "bool": (False, True),
    "True": ("False", "True"),
    "1": ("0", "1"),
}


@dataclass(frozen=True, slots=True)
class Formats:
    """How the component writes what no kit shows; every default is inferred or our own decision.

    Attributes:
        presence: whether a card is there: JSON's ``true`` and ``false``, which satisfy a page that
            compares with ``true``, ``1`` or ``"1"`` by ``==``; or texts, "True" and "False" as
            .NET writes them, or "1" and "0".
        version: what the component says it is; pages may compare it with the one they want.
        unicode: what UnicodeToHex and HexToUnicode call Unicode.
        hex_upper: whether hex is written with upper-case letters; both are read.
        date: a certificate's dates for people, Taipei's time, as :meth:`datetime.strftime` has it.
        text: the charset of plain text that is signed, encrypted or decrypted.
        separator: stands between the parts of a list: key usages, names, several certificates.

    """

    presence: Literal["bool", "True", "1"] = "bool"
    version: str = "3.0.2.0"
    unicode: Literal["utf-8", "utf-16le"] = "utf-8"
    hex_upper: bool = True
    date: str = "%Y/%m/%d %H:%M:%S"
    text: str = "utf-8"
    separator: str = ","

    def __post_init__(self) -> None:
        """Check what somebody wrote into the settings, before a page meets it.

        Raises:
            ValueError: a charset that is not known, or a date's format that cannot be used.

        """
        if self.presence not in _PRESENCE:
            raise ValueError("presence is bool, True or 1")
        for charset in (self.text, self.unicode):
            _require_charset(charset)
        datetime(2050, 1, 1, tzinfo=_TAIPEI).strftime(self.date)


def _require_charset(name: str) -> None:
    try:
        found = codecs.lookup(name)
        "A".encode(found.name)  # of base64 and other codecs that know no text: LookupError
    except LookupError as error:
        raise ValueError(f"no charset is called {name!r}") from error


def read_text(value: object, *, limit: int = MAX_JRSYS_TEXT) -> str:
    """Return a field that is text.

    Args:
        value: as JSON had it; None where it lacks.
        limit: the most bytes of it, in UTF-8.

    Raises:
        JrsysError: it is no text (7), or longer (33).

    """
    if not isinstance(value, str):
        raise JrsysError(ReturnValue.PARAMETER)
    if len(value) > limit or (not value.isascii() and _utf8_length(value) > limit):
        raise JrsysError(ReturnValue.TOO_LONG)
    return value


def _utf8_length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def read_hex(value: object, *, limit: int = MAX_JRSYS_TEXT) -> bytes:
    """Read hex in letters of both cases, with blanks and line ends anywhere.

    Takes a few milliseconds for 1 MiB: no thread is needed.

    Args:
        value: as JSON had it.
        limit: the most characters, blanks included.

    Raises:
        JrsysError: no text (7), longer (33), an odd number of digits or other characters (32).

    """
    text = read_text(value, limit=limit)
    try:
        return binascii.unhexlify(without_blanks(text))
    except ValueError as error:
        raise JrsysError(ReturnValue.DATA) from error


def without_blanks(text: str) -> bytes:
    """Return text of hex or base64 without blanks and line ends, as bytes.

    Raises:
        ValueError: there is a character outside ASCII.

    """
    return text.encode("ascii").translate(None, _BLANKS)


def write_hex(octets: bytes, formats: Formats) -> str:
    """Write bytes as hex, without blanks."""
    return with_case(octets.hex(), formats)


def with_case(digits: str, formats: Formats) -> str:
    """Write hex digits in the letters that hex is written in."""
    return digits.upper() if formats.hex_upper else digits.lower()


def read_plain(value: object, formats: Formats) -> bytes:
    """Return what plain text is signed or encrypted as: its octets in ``formats.text``.

    Raises:
        JrsysError: no text (7), longer than 1 MiB (33), or of characters that the charset lacks,
            half a surrogate pair among them (32).

    """
    return encoded(read_text(value), formats.text)


def encoded(text: str, charset: str) -> bytes:
    """Encode text.

    Raises:
        JrsysError: the charset lacks a character (32).

    """
    try:
        return text.encode(charset)
    except ValueError as error:
        raise JrsysError(ReturnValue.DATA) from error


def write_plain(octets: bytes, formats: Formats) -> str:
    """Return decrypted octets as the text that they are in ``formats.text``.

    Raises:
        JrsysError: they are none: refused (64) rather than damaged.

    """
    try:
        return octets.decode(formats.text)
    except ValueError as error:
        raise JrsysError(ReturnValue.ENVELOPE) from error


def write_date(moment: datetime, formats: Formats) -> str:
    """Write a moment for people, in Taipei's time; what ends after the year 9999 ends with it."""
    try:
        local = moment.astimezone(_TAIPEI)
    except OverflowError:  # 99991231235959Z is how certificates say "for ever" (RFC 5280 §4.1.2.5)
        local = datetime.max.replace(tzinfo=UTC)
    return local.strftime(formats.date)


def digest_algorithm(value: object) -> HashAlgorithm:
    """Return the hash of ``DigestAlg``, ``DigestAlgId`` or ``digestAlg4Sign``.

    Args:
        value: 0 for SHA-1, 7 for SHA-256, as a number or in digits.

    Raises:
        JrsysError: neither number nor digits (7); MD5 (3) or another number (112).

    """
    algorithm = _DIGESTS.get(_number(value))
    if algorithm is None:
        raise JrsysError(ReturnValue.MECHANISM)
    return algorithm


def cipher(value: object) -> AesCbc:
    """Return the cipher of ``SKeyAlg`` or ``alg4Encrypt`` for encrypting.

    Args:
        value: 1, 2, 3 for AES in CBC mode with keys of 128, 192, 256 bits; as a number or digits.

    Raises:
        JrsysError: neither number nor digits (7); DES (0), which protects nothing, or another
            number (112).

    """
    found = _CIPHERS.get(_number(value))
    if found is None:
        raise JrsysError(ReturnValue.MECHANISM)
    return found


def _number(value: object) -> int:
    """Return a number that may stand in digits.

    Raises:
        JrsysError: it is neither (7).

    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise JrsysError(ReturnValue.PARAMETER)


def key_usage(value: object) -> KeyName:
    """Return which certificate ``KeyUsage`` or ``iCertType`` means; no kit shows its values.

    Args:
        value: bits of RFC 5280's KeyUsage (0x80 signs, 0x20 and 0x10 encrypt, and who does both
            signs), a key spec of CryptoAPI, words with "sign" or "enc"; or nothing, which signs.

    Raises:
        JrsysError: it is something else (7).

    """
    if value is None or value == "":
        return "SIGN"
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return _key_of_words(value.lower())
    number = _number(value)
    if number in _BY_KEY_SPEC:
        return _BY_KEY_SPEC[number]
    if number & _DIGITAL_SIGNATURE:
        return "SIGN"
    if number & _ENCIPHERMENT:
        return "KEYX"
    raise JrsysError(ReturnValue.PARAMETER)


def _key_of_words(words: str) -> KeyName:
    if "sign" in words:
        return "SIGN"
    if "enc" in words:
        return "KEYX"
    raise JrsysError(ReturnValue.PARAMETER)


def presence(is_there: bool, formats: Formats) -> object:
    """Return the JSON value that says whether a card is there."""
    return _PRESENCE[formats.presence][is_there]
