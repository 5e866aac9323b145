"""Every code of the service's answers, and what each means; the site's developer reads them.

A refusal of ``agent.relying`` is an answer, and comes with status 200. The codes here are
no verdicts: nothing was judged.
"""

import json
from enum import StrEnum, unique
from functools import cache
from importlib import resources
from typing import Any, Final


@unique
class ServiceCode(StrEnum):
    """Why a request was not judged."""

    BAD_REQUEST = "bad_request"
    KEY_REFUSED = "key_refused"
    PAGE_REFUSED = "page_refused"
    NOT_FOUND = "not_found"
    METHOD_REFUSED = "method_refused"
    BODY_TIMEOUT = "body_timeout"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    INTERNAL = "internal"
    BUSY = "busy"
    IDENTITY_UNAVAILABLE = "identity_unavailable"


@unique
class IdentityCode(StrEnum):
    """Why the identity service says that a card and an ID number are not one person's."""

    NO_SUCH_PAIR = "identity_no_such_pair"
    NO_CERTIFICATE = "identity_no_certificate"
    NOT_ACTIVATED = "identity_not_activated"
    EXPIRED = "identity_expired"
    REVOKED = "identity_revoked"


STATUS: Final = {
    ServiceCode.BAD_REQUEST: 400,
    ServiceCode.KEY_REFUSED: 401,
    ServiceCode.PAGE_REFUSED: 403,
    ServiceCode.NOT_FOUND: 404,
    ServiceCode.METHOD_REFUSED: 405,
    ServiceCode.BODY_TIMEOUT: 408,
    ServiceCode.TOO_LARGE: 413,
    ServiceCode.NOT_JSON: 415,
    ServiceCode.INTERNAL: 500,
    ServiceCode.BUSY: 503,
    ServiceCode.IDENTITY_UNAVAILABLE: 503,
}
"""The HTTP status of each."""

MEANINGS: Final[dict[StrEnum, str]] = {
    ServiceCode.BAD_REQUEST: "The request is not of its form; the message says where.",
    ServiceCode.KEY_REFUSED: "No key, or none of a configured client.",
    ServiceCode.PAGE_REFUSED: "It has a header of a browser; servers ask, never pages.",
    ServiceCode.NOT_FOUND: "There is no such request, or it is not configured.",
    ServiceCode.METHOD_REFUSED: "The path wants another method.",
    ServiceCode.BODY_TIMEOUT: "The body did not arrive in ten seconds.",
    ServiceCode.TOO_LARGE: "The body has more than 128 KiB.",
    ServiceCode.NOT_JSON: "The body is not application/json, or is compressed.",
    ServiceCode.INTERNAL: "A fault of the service; its log says where.",
    ServiceCode.BUSY: "Too many requests wait already; ask again after a second.",
    ServiceCode.IDENTITY_UNAVAILABLE: "The identity service did not answer; ask again later.",
    IdentityCode.NO_SUCH_PAIR: "The card and the ID number are not one person's.",
    IdentityCode.NO_CERTIFICATE: "The identity service knows no certificate of that number.",
    IdentityCode.NOT_ACTIVATED: "The card has not been activated.",
    IdentityCode.EXPIRED: "The certificate has expired, as the identity service says.",
    IdentityCode.REVOKED: "The certificate is revoked, as the identity service says.",
}


class ServiceRefusalError(Exception):
    """A request is not judged.

    Attributes:
        code: why, for the asking server.
        message: where the fault is; quotes no value.

    """

    def __init__(self, code: ServiceCode, message: str = "") -> None:
        super().__init__(code.value)
        self.code = code
        self.message = message or MEANINGS[code]


@cache
def catalogue() -> dict[str, Any]:
    """Return all codes for ``/v1/errors.json``: status, whether trying again helps, meaning.

    Of a refusal, what every kit says of it: in each language, for the site and for its page.
    Reads a file the first time.
    """
    again = {ServiceCode.BUSY, ServiceCode.IDENTITY_UNAVAILABLE, ServiceCode.BODY_TIMEOUT}
    rows: dict[str, Any] = {
        code.value: {
            "status": STATUS[code] if isinstance(code, ServiceCode) else 200,
            "retriable": code in again,
            "meaning": meaning,
        }
        for code, meaning in MEANINGS.items()
    }
    kits = json.loads((resources.files("agent.relying") / "errors.json").read_bytes())
    for row in kits["codes"]:
        rows[row.pop("code")] = {"status": 200, **row}
    return rows
