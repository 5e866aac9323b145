"""The one form that a login has: that of the agent, to the octet (RFC 5652, RFC 5280, X.690).

Parsers differ in what they make of odd encodings, and verifiers in what they tolerate. A login
comes from the agent alone, which writes one form; so every language's verifier takes this form and
no other, and no two of them can read one token in two ways. Documents, which other programs sign
as well, are read by ``agent.cms.verify``, which is more lenient.
"""

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Final, NamedTuple

from agent.cms import der
from agent.cms.digest import HashAlgorithm
from agent.cms.errors import CmsError
from agent.cms.login import CONTENT_TYPE

_MAX_DEPTH: Final = 32
_INTEGER, _BITS, _OCTETS, _OID, _UTF8, _BMP = 0x02, 0x03, 0x04, 0x06, 0x0C, 0x1E
_SEQUENCE, _SET, _EXPLICIT_0, _EXPLICIT_3 = 0x30, 0x31, 0xA0, 0xA3
_CONSTRUCTED, _HIGH, _APPLICATION = 0x20, 0x1F, 0x40  # of an identifier octet
_LONG: Final = 0x80  # from here on a length's octet says in how many it stands
_LENGTH_OCTETS: Final = 3  # at most, in 64 KiB
_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")
_CONTENT_TYPE: Final = bytes.fromhex("06092a864886f70d010903")
_MESSAGE_DIGEST: Final = bytes.fromhex("06092a864886f70d010904")
_SIGNING_CERTIFICATE: Final = bytes.fromhex("060b2a864886f70d010910022f")
_ATTRIBUTES: Final = frozenset({_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_CERTIFICATE})
_RSA: Final = bytes.fromhex("300d06092a864886f70d0101010500")
_VERSION_3: Final = bytes.fromhex("a003020102")
_KEY_USAGE: Final = bytes.fromhex("0603551d0f")
_CONSTRAINTS: Final = bytes.fromhex("0603551d13")
_AUTHORITY_KEY: Final = bytes.fromhex("0603551d23")
_SUBJECT_KEY: Final = bytes.fromhex("0603551d0e")
_DIRECTORY: Final = bytes.fromhex("0603551d09")
_UNDERSTOOD: Final = frozenset(
    {_KEY_USAGE, _CONSTRAINTS, bytes.fromhex("0603551d20"), bytes.fromhex("0603551d11")}
)  # policies and other names, too
_LIMITING: Final = frozenset({bytes.fromhex("0603551d1e"), bytes.fromhex("0603551d24")})
# constraints on names, and on policies
_WITH_SHA2: Final = frozenset(bytes.fromhex(f"300d06092a864886f70d01010{end}0500") for end in "bcd")
_NAME_STRINGS: Final = frozenset({0x0C, 0x13, 0x14, 0x16, 0x1E})
_MAX_SERIAL: Final = 21  # octets: 20 of RFC 5280 §4.1.2.2, and a zero before a high bit
_PRINTABLE: Final = re.compile(rb"[A-Za-z0-9 '()+,./:=?-]*")
_LONG_ARC: Final = re.compile(
    rb"[\x80-\xff]{4}"
)  # beyond 2^28: RFC 5280 §B says who cannot read it
_ARCS: Final = re.compile(rb"(?:[\x00-\x7f]|[\x81-\xff][\x80-\xff]*[\x00-\x7f])+")
_UTC_TIME: Final = re.compile(rb"[0-9]{12}Z")
_GENERALIZED_TIME: Final = re.compile(rb"[0-9]{14}Z")


class _Element(NamedTuple):
    tag: int
    raw: bytes
    body: bytes
    parts: tuple["_Element", ...]

    def take(self, *tags: int) -> tuple["_Element", ...]:
        _need(tuple(part.tag for part in self.parts) == tags, "not of the form expected")
        return self.parts


def require_login_form(token: bytes) -> str:
    """Refuse a login of any other form than the agent's.

    Args:
        token: whose signature ``agent.cms.verify`` has found good.

    Returns:
        Why its certificate is not to be trusted, whoever signed it; nothing where it may be.

    Raises:
        CmsError: it, or its certificate, is of another form.

    """
    kind, explicit = _one(token).take(_OID, _EXPLICIT_0)
    (data,) = explicit.take(_SEQUENCE)
    _, digests, encapsulated, bag, signers = data.take(_INTEGER, _SET, _SEQUENCE, _EXPLICIT_0, _SET)
    (declared,) = digests.take(_SEQUENCE)
    (signer,) = signers.take(_SEQUENCE)
    number, _, digest, attributes, _, _ = signer.take(
        _INTEGER, _SEQUENCE, _SEQUENCE, _EXPLICIT_0, _SEQUENCE, _OCTETS
    )
    encapsulated.take(_OID, _EXPLICIT_0)[1].take(_OCTETS)
    _need(kind.raw == _SIGNED_DATA and number.raw == b"\x02\x01\x01", "no SignedData")
    _need(declared.raw == digest.raw, "another digest algorithm is declared")
    (certificate,) = bag.take(_SEQUENCE)
    _require_attributes(attributes, certificate.raw)
    return _fault_of(certificate)


def _need(condition: object, detail: str) -> None:
    if not condition:
        raise CmsError(detail)


def _one(octets: bytes) -> _Element:
    found = _read(octets, 0)
    _need(len(found) == 1 and found[0].tag == _SEQUENCE, "not one element")
    return found[0]


def _read(octets: bytes, depth: int) -> tuple[_Element, ...]:
    """Read elements of strict DER, to the bottom."""
    _need(depth <= _MAX_DEPTH, "nested too deep")
    found, at, size = [], 0, len(octets)
    while at < size:
        tag = octets[at]
        start, end = _header(octets, at, size)
        body = octets[start:end]
        parts = _read(body, depth + 1) if tag & _CONSTRUCTED else ()
        check = _CHECKS.get(tag)
        if check is None:
            _need(tag >= _APPLICATION and tag & _HIGH != _HIGH, "a tag that has no place here")
        elif not check(body):
            raise CmsError("contents that are no DER")
        if tag == _SET and len(parts) > 1:
            encodings = [part.raw for part in parts]
            _need(encodings == sorted(encodings), "a set in another order")
        found.append(_Element(tag, octets[at:end], body, parts))
        at = end
    return tuple(found)


def _header(octets: bytes, at: int, size: int) -> tuple[int, int]:
    """Return where an element's contents begin and end."""
    start = at + 2
    if start > size:
        raise CmsError("cut short")
    length = octets[at + 1]
    if length >= _LONG:
        count = length - _LONG
        start += count
        length = int.from_bytes(octets[at + 2 : start], "big")
        if not 1 <= count <= _LENGTH_OCTETS or length < max(_LONG, 1 << 8 * (count - 1)):
            raise CmsError("a length that is no DER")
    if start + length > size:
        raise CmsError("cut short")
    return start, start + length


def _is_integer(body: bytes) -> bool:
    return len(body) == 1 or (len(body) > 1 and body[0] * 2 + (body[1] >> 7) not in {0, 0x1FF})


def _is_bits(body: bytes) -> bool:
    if len(body) <= 1:
        return body == b"\x00"
    return body[0] <= 7 and not body[-1] & ((1 << body[0]) - 1)


def _is_identifier(body: bytes) -> bool:
    """Tell whether each arc is whole, and in as few octets as it needs."""
    return _ARCS.fullmatch(body) is not None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_bmp(body: bytes) -> bool:
    return len(body) % 2 == 0 and not any(0xD8 <= octet <= 0xDF for octet in body[::2])


_CHECKS: Final[dict[int, Callable[[bytes], bool]]] = {
    0x01: lambda body: body in {b"\x00", b"\xff"},
    _INTEGER: _is_integer,
    _BITS: _is_bits,
    0x05: lambda body: body == b"",
    _OID: _is_identifier,
    0x0A: _is_integer,
    _UTF8: _is_utf8,
    0x13: lambda body: _PRINTABLE.fullmatch(body) is not None,
    0x14: bytes.isascii,
    0x16: bytes.isascii,
    0x1A: bytes.isascii,
    _BMP: _is_bmp,
    **dict.fromkeys((_OCTETS, 0x12, 0x17, 0x18, _SEQUENCE, _SET), lambda _: True),
}


def _require_attributes(attributes: _Element, certificate: bytes) -> None:
    """Let content type, message digest and ESS signing-certificate-v2 pass, and nothing else."""
    for each in attributes.parts:
        kind, values = each.take(_OID, _SET)
        _need(kind.raw in _ATTRIBUTES, "an attribute that no login has")
        if kind.raw == _CONTENT_TYPE:
            _need(values.body == CONTENT_TYPE, "the signed content type is another one")
        if kind.raw == _SIGNING_CERTIFICATE:
            bound = der.element(_OCTETS, HashAlgorithm.SHA256.digest(certificate))
            for _ in range(3):
                bound = der.element(_SEQUENCE, bound)
            _need(values.body == bound, "another certificate was signed")


def _fault_of(certificate: _Element) -> str:
    body, algorithm, signature = certificate.take(_SEQUENCE, _SEQUENCE, _BITS)
    version, serial, inner, issuer, validity, subject, key, extensions = body.take(
        _EXPLICIT_0, _INTEGER, *[_SEQUENCE] * 5, _EXPLICIT_3
    )
    _need(version.raw == _VERSION_3 and inner.raw == algorithm.raw, "a certificate of another form")
    _need(len(serial.body) <= _MAX_SERIAL and serial.body[0] < 0x80, "no serial number")
    _need(signature.body[:1] == b"\x00" and len(validity.parts) == 2, "no signature, or no dates")
    begin, end = map(_moment, validity.parts)
    _need(begin <= end, "it ends before it begins")
    for name in (issuer, subject):
        _require_name(name)
    _require_key(key)
    faults = [] if algorithm.raw in _WITH_SHA2 else ["not signed with SHA-2 and RSA"]
    seen: set[bytes] = set()
    for each in extensions.take(_SEQUENCE)[0].parts:
        faults += _extension_faults(each, seen)
    return faults[0] if faults else ""


def _moment(time: _Element) -> datetime:
    """Read a moment of the calendar in one of the two forms of RFC 5280 §4.1.2.5."""
    is_short = time.tag == 0x17
    form = _UTC_TIME if is_short else _GENERALIZED_TIME
    _need(time.tag in {0x17, 0x18} and form.fullmatch(time.body), "no date")
    text = time.body[:-1].decode("ascii")
    if is_short:
        text = ("20" if text < "5" else "19") + text
    _need(is_short or text >= "2050", "a date in the form of later ones")
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
    hour, minute, second = int(text[8:10]), int(text[10:12]), int(text[12:14])
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise CmsError("a date outside the calendar") from error


def _require_name(name: _Element) -> None:
    _need(name.parts, "nobody's name")
    for relative in name.parts:
        _need(relative.tag == _SET and relative.parts, "a name of another form")
        for pair in relative.parts:
            is_pair = pair.tag == _SEQUENCE and len(pair.parts) == 2 and pair.parts[0].tag == _OID
            _need(is_pair and pair.parts[1].tag in _NAME_STRINGS, "a name of another form")
            _need(not _LONG_ARC.search(pair.parts[0].body), "a number that not everybody can hold")


def _require_key(key: _Element) -> None:
    """Refuse a key in another form than RFC 3279 §2.3.1, or that would cost or forge."""
    algorithm, bits = key.take(_SEQUENCE, _BITS)
    _need(algorithm.raw == _RSA and bits.body[:1] == b"\x00", "no RSA key")
    modulus, exponent = _one(bits.body[1:]).take(_INTEGER, _INTEGER)
    number, power = (int.from_bytes(each.body, "big", signed=True) for each in (modulus, exponent))
    is_long = 2048 <= number.bit_length() <= 8192 and number > 0
    _need(is_long and number % 2, "a key of less than 2048 bits, or more than 8192")
    _need(3 <= power < 1 << 31 and power % 2, "an exponent by which anybody signs")


def _extension_faults(extension: _Element, seen: set[bytes]) -> Collection[str]:
    """Look at one extension, whose value is one element of DER; return what is not understood."""
    _need(extension.tag == _SEQUENCE, "no extension")
    is_critical = len(extension.parts) == 3
    tags = (_OID, 0x01, _OCTETS) if is_critical else (_OID, _OCTETS)
    kind, *middle, value = extension.take(*tags)
    _need(all(each.body == b"\xff" for each in middle), "FALSE, which goes without saying")
    is_short = not _LONG_ARC.search(kind.body)
    _need(is_short and kind.raw not in seen, "two extensions of one kind, or one of a huge number")
    seen.add(kind.raw)
    elements = _read(value.body, 0)
    _need(len(elements) == 1, "an extension that is not one element")
    check = _EXTENSIONS.get(kind.raw)
    _need(check is None or check(elements[0]), "an extension of another form")
    is_strange = is_critical and kind.raw not in _UNDERSTOOD
    return ["an extension that is not understood"] if is_strange or kind.raw in _LIMITING else []


def _is_usage(value: _Element) -> bool:
    """Tell whether these are named bits without a trailing zero (X.690 §11.2.2)."""
    body = value.body
    return value.tag == _BITS and len(body) == 2 and bool(body[1] >> body[0] & 1)


def _is_constraints(value: _Element) -> bool:
    if value.tag != _SEQUENCE or not value.parts:
        return value.tag == _SEQUENCE
    ca, *length = value.parts
    is_length = all(each.tag == _INTEGER and len(each.body) == 1 for each in length)
    is_small = is_length and len(length) <= 1 and all(each.body[0] < 0x80 for each in length)
    return ca.raw == b"\x01\x01\xff" and is_small


def _is_authority_key(value: _Element) -> bool:
    """Tell whether it has the key's identifier, perhaps with issuer and serial number."""
    tags = [each.tag for each in value.parts]
    return (
        value.tag == _SEQUENCE
        and tags in ([0x80], [0x80, 0xA1, 0x82])
        and value.parts[0].body != b""
    )


def _is_purposes(value: _Element) -> bool:
    tags = {each.tag for each in value.parts}
    return value.tag == _SEQUENCE and tags == {_OID}


def _is_other_names(value: _Element) -> bool:
    """Tell whether these are general names: ASCII texts, addresses of four octets or sixteen."""
    for each in value.parts:
        is_text = each.tag in {0x81, 0x82, 0x86} and each.body.isascii()
        is_address = each.tag == 0x87 and len(each.body) in {4, 16}
        if not (is_text or is_address or each.tag in {0xA0, 0xA4, 0x88}):
            return False
    return value.tag == _SEQUENCE


def _is_directory(value: _Element) -> bool:
    return value.tag == _SEQUENCE and all(
        each.tag == _SEQUENCE and [part.tag for part in each.parts] == [_OID, _SET]
        for each in value.parts
    )


_EXTENSIONS: Final[dict[bytes, Callable[[_Element], bool]]] = {
    _KEY_USAGE: _is_usage,
    _CONSTRAINTS: _is_constraints,
    _AUTHORITY_KEY: _is_authority_key,
    _SUBJECT_KEY: lambda value: value.tag == _OCTETS,
    _DIRECTORY: _is_directory,
    bytes.fromhex("0603551d25"): _is_purposes,
    bytes.fromhex("0603551d11"): _is_other_names,
}
