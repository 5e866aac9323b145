"""The methods that need no card and no consent: a page has texts of its own converted."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from agent.web.jrsys import utilities
from agent.web.jrsys.answers import Answer
from agent.web.jrsys.call import Call
from agent.web.jrsys.decode import decode_certificate
from agent.web.jrsys.enveloping import envelope
from agent.web.jrsys.methods import Method
from agent.web.jrsys.values import Formats, read_hex

Computing: TypeAlias = Callable[[Call, Formats], Answer]
"""Computes an answer; raises :class:`agent.web.jrsys.errors.JrsysError`."""


def _hex_to_base64(call: Call, formats: Formats) -> Answer:
    del formats
    return Answer(message=utilities.hex_to_base64(call.get("HexString", "sendString")))


def _base64_to_hex(call: Call, formats: Formats) -> Answer:
    given = call.get("Base64String", "sendString")
    return Answer(message=utilities.base64_to_hex(given, formats))


def _text_to_hex(call: Call, formats: Formats) -> Answer:
    given = call.get("UnicodeString", "sendString")
    return Answer(message=utilities.unicode_to_hex(given, formats))


def _hex_to_text(call: Call, formats: Formats) -> Answer:
    return Answer(message=utilities.hex_to_unicode(call.get("HexString"), formats))


def _digest(call: Call, formats: Formats) -> Answer:
    algorithm = call.get("DigestAlgId", "digestAlg4Sign")
    if "HexData" in call.fields:
        return Answer(message=utilities.digest_of_hex(call.get("HexData"), algorithm, formats))
    return Answer(message=utilities.digest_of_text(call.get("data2BSigned"), algorithm, formats))


def _decode(call: Call, formats: Formats) -> Answer:
    raw = read_hex(call.get("HexDerCertValue", "data2BSigned"))
    return Answer(certificate=decode_certificate(raw, formats))


def _encrypt(call: Call, formats: Formats) -> Answer:
    text, algorithm = (
        call.get("Data2BEncrypted", "data2BSigned"),
        call.get("SKeyAlg", "alg4Encrypt"),
    )
    return Answer(message=envelope(text, call.get("HexCert"), algorithm, formats))


COMPUTING: Final[Mapping[Method, Computing]] = {
    Method.HEX_TO_BASE64: _hex_to_base64,
    Method.BASE64_TO_HEX: _base64_to_hex,
    Method.TEXT_TO_HEX: _text_to_hex,
    Method.HEX_TO_TEXT: _hex_to_text,
    Method.DIGEST: _digest,
    Method.DECODE_CERTIFICATE: _decode,
    Method.ENCRYPT: _encrypt,
}
SLOW: Final = frozenset({Method.DECODE_CERTIFICATE, Method.ENCRYPT})
"""Those that read a certificate of the page: one of a few kilobytes can be made to take long."""
