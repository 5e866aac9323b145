"""Send a recorded request of a page again, with dummies in place of its content."""

import base64
import hashlib
import http.client
import json
import re
import ssl
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_SIZED: Final = re.compile(r"<(?P<kind>text|octets|list|object) (?P<size>[0-9]+)>")
_LARGEST: Final = 1 << 20  # characters or octets of one dummy
_LEFT_OUT: Final = frozenset({"id", "method", "certificate", "reader", "<name>", "<more>"})
_TIMEOUT: Final = 120.0  # seconds


class OtherAgentError(Exception):
    """At the agent's port is a program with another key."""


def filled(shape: Any, typed: str) -> Any:
    """Return what may have had this shape; the names of a card and a reader are left out.

    Args:
        shape: of a request, as it was recorded.
        typed: the PIN, where the page handed one over.

    """
    if isinstance(shape, dict):
        return {
            name: filled(value, typed) for name, value in shape.items() if name not in _LEFT_OUT
        }
    if isinstance(shape, list):  # how many there were, and the first of them
        return [filled(shape[1], typed)] * _size(shape[0]) if len(shape) > 1 else []
    plain = {"<pin>": typed, "<number>": 1, "<boolean>": True, "<other>": None}
    if not isinstance(shape, str):
        return shape
    return plain[shape] if shape in plain else _dummy(shape)


def _dummy(told: str) -> Any:
    """Return what is as long as was told; a value that the record holds itself, as it is."""
    found = _SIZED.fullmatch(told)
    if found is None:
        return told
    size = min(int(found["size"]), _LARGEST)
    match found["kind"]:
        case "text":
            return "x" * size
        case "octets":
            return base64.b64encode(bytes(size)).decode("ascii")
        case "list":
            return []
        case _:
            return {}


def _size(text: Any) -> int:
    found = _SIZED.fullmatch(str(text))
    return 0 if found is None else int(found["size"])


def send(port: int, spki: str, origin: str, method: str, body: Any) -> str:
    """Send a request as a page of ``origin`` does; return "ok", or the code of the error.

    Args:
        port: of the native API.
        spki: base64 SHA-256 of the agent's key.
        origin: of the page.
        method: of the native API.
        body: what is sent, as JSON.

    Raises:
        OtherAgentError: the key at the port is another.
        OSError: nobody answers there.

    """
    # The key is compared, which says more than any authority could.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("localhost", port, timeout=_TIMEOUT, context=context)
    try:
        connection.connect()
        _check_key(connection.sock.getpeercert(binary_form=True), spki)
        headers = {"Origin": origin, "Content-Type": "application/json"}
        connection.request("POST", f"/v1/{method}", json.dumps(body), headers)
        found: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return str(found["error"]["code"]) if "error" in found else "ok"


def _check_key(der: bytes | None, spki: str) -> None:
    key = x509.load_der_x509_certificate(der or b"").public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if base64.b64encode(hashlib.sha256(info).digest()).decode("ascii") != spki:
        raise OtherAgentError("at the agent's port is a program with another key")
