"""The XML of the identity service ICS (憑證用戶身分確認服務), both directions, no I/O.

What is known about it is thin, from pages and headers of sites that use it:

- A request is a form field ``ICSRequestXMLData`` with ``<ICSRequest>``: ``<ICSReq>`` (who asks, a
  nonce of 15 letters and digits, a local time, the pairs to check), ``<ICSReqLength>`` and
  ``<Signature>`` in hex.
- A response is ``<ICSResponse>`` with a ``<Rec>`` per pair that holds a ``<Code>``.

What is *not* known, and what we do about it: the length is taken to be that of the ``<ICSReq>``
element in octets, the signature to be RSASSA-PKCS1-v1_5 with SHA-256 over the same octets, the
nonce to be sent back, the response to be protected by TLS alone. Elements that we do not know are
passed over, so that a richer answer is still read.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final
from xml.etree.ElementTree import Element

from defusedxml import ElementTree  # type: ignore[import-untyped]  # it ships no types
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]  # likewise

MAX_SIZE: Final = 64 * 1024
"""Octets of a message; one pair needs less than one thousand."""

FIELD: Final = "ICSRequestXMLData"
NONCE_LENGTH: Final = 15

_TAIPEI: Final = timezone(timedelta(hours=8))
_TIME_FORMAT: Final = "%Y%m%d%H%M%S"
_PLAIN: Final = re.compile(r"[0-9A-Za-z]*", re.ASCII)


class IcsFormatError(Exception):
    """The message is malformed; the text names the element, never its content."""


@dataclass(frozen=True, slots=True, repr=False)
class Pair:
    """A certificate's subject serial (16 digits) and an ID number (10 characters)."""

    subject_serial: str
    id_number: str


@dataclass(frozen=True, slots=True, repr=False)
class IcsRequest:
    """One request.

    Attributes:
        client_id: SHA-1 of the asking site's certificate in hex; empty where it has none.
        nonce: 15 letters and digits.
        time: of the request; sent in Taiwan's time, to the second.
        pair: that is asked about.

    """

    client_id: str
    nonce: str
    time: datetime
    pair: Pair


@dataclass(frozen=True, slots=True, repr=False)
class SignedIcsRequest:
    """A request with the octets that are signed, and their signature."""

    request: IcsRequest
    signed: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class IcsResponse:
    """One response: the nonce of the request and the code."""

    nonce: str
    code: int


def write_request(request: IcsRequest, sign: Callable[[bytes], bytes]) -> bytes:
    """Write ``<ICSRequest>``; ``sign`` is given the octets of ``<ICSReq>``.

    Raises:
        IcsFormatError: a value is not made of letters and digits.

    """
    values = (request.client_id, request.nonce, request.pair.subject_serial, request.pair.id_number)
    client_id, nonce, serial, id_number = map(_plain, values)
    asked = (
        f"<ICSReq><ClientID>{client_id}</ClientID><Nonce>{nonce}</Nonce>"
        f"<ReqTime>{request.time.astimezone(_TAIPEI).strftime(_TIME_FORMAT)}</ReqTime>"
        f"<TotalCount>1</TotalCount>"
        f"<Rec><ID>1</ID><SN>{serial}</SN><SSID>{id_number}</SSID></Rec></ICSReq>"
    ).encode()
    rest = f"<ICSReqLength>{len(asked)}</ICSReqLength><Signature>{sign(asked).hex()}</Signature>"
    return b"<ICSRequest>" + asked + rest.encode() + b"</ICSRequest>"


def read_request(document: bytes) -> SignedIcsRequest:
    """Read ``<ICSRequest>`` with exactly one pair.

    Raises:
        IcsFormatError: it is something else, or its stated length is not that of ``<ICSReq>``.

    """
    root = _parse(document, "ICSRequest")
    asked = _only(root, "ICSReq")
    if _text(asked, "TotalCount") != "1":
        raise IcsFormatError("TotalCount")
    pair = _only(asked, "Rec")
    signed = _octets_of_request(document)
    if _text(root, "ICSReqLength") != str(len(signed)):
        raise IcsFormatError("ICSReqLength")
    return SignedIcsRequest(
        IcsRequest(
            _plain(_text(asked, "ClientID")),
            _plain(_text(asked, "Nonce")),
            _moment(_text(asked, "ReqTime")),
            Pair(_plain(_text(pair, "SN")), _plain(_text(pair, "SSID"))),
        ),
        signed,
        _octets(_text(root, "Signature")),
    )


def write_response(response: IcsResponse, pair: Pair) -> bytes:
    """Write ``<ICSResponse>`` about one pair; of the ID number only the last four characters.

    Raises:
        IcsFormatError: a value is not made of letters and digits.

    """
    nonce, serial, last4 = map(_plain, (response.nonce, pair.subject_serial, pair.id_number[-4:]))
    return (
        f"<ICSResponse><Nonce>{nonce}</Nonce><TotalCount>1</TotalCount>"
        f"<Rec><ID>1</ID><SN>{serial}</SN><SSID4>{last4}</SSID4><Code>{response.code}</Code></Rec>"
        f"</ICSResponse>"
    ).encode()


def read_response(document: bytes) -> IcsResponse:
    """Read ``<ICSResponse>`` with exactly one ``<Rec>``, at whatever depth they are.

    Raises:
        IcsFormatError: it is something else.

    """
    root = _parse(document, "ICSResponse")
    code = _text(_only(root, "Rec"), "Code")
    if re.fullmatch(r"-?[0-9]{1,9}", code, re.ASCII) is None:
        raise IcsFormatError("Code")
    return IcsResponse(_plain(_text(root, "Nonce")), int(code))


def _parse(document: bytes, name: str) -> Element:
    if len(document) > MAX_SIZE:
        raise IcsFormatError("size")
    try:
        root: Element = ElementTree.fromstring(document, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        # ValueError and LookupError: what an XML declaration with an odd encoding ends in.
        raise IcsFormatError(f"not XML: {type(error).__name__}") from error
    if root.tag != name:
        raise IcsFormatError(name)
    return root


def _only(element: Element, name: str) -> Element:
    found = list(element.iter(name))
    if len(found) != 1:
        raise IcsFormatError(name)
    return found[0]


def _text(element: Element, name: str) -> str:
    child = _only(element, name)
    if len(child):
        raise IcsFormatError(name)
    return (child.text or "").strip()


def _plain(value: str) -> str:
    """Return a value of letters and digits, which need no escaping; refuse any other."""
    if _PLAIN.fullmatch(value) is None:
        raise IcsFormatError("value")
    return value


def _octets(value: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError as error:
        raise IcsFormatError("hex") from error


def _moment(value: str) -> datetime:
    try:
        return datetime.strptime(value, _TIME_FORMAT).replace(tzinfo=_TAIPEI)
    except ValueError as error:
        raise IcsFormatError("ReqTime") from error


def _octets_of_request(document: bytes) -> bytes:
    """Return the octets of ``<ICSReq>``, unchanged: the signature is over them."""
    found = re.findall(rb"<ICSReq>.*?</ICSReq>", document, re.DOTALL)
    if len(found) != 1:
        raise IcsFormatError("ICSReq")
    return bytes(found[0])
