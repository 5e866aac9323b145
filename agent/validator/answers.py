"""The answers in their one form: JSON, kept by nobody, and naming no library."""

from typing import Final

import msgspec
from aiohttp import web

from agent.validator.codes import STATUS, ServiceRefusalError
from agent.validator.messages import RejectionAnswer, RejectionFacts

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Server": "ankong-verify",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer."""


def written(message: object, status: int = 200) -> web.Response:
    """Write a message of the service."""
    return web.Response(
        body=msgspec.json.encode(message),
        status=status,
        content_type="application/json",
        headers=HEADERS,
    )


def rejection(error: ServiceRefusalError) -> web.Response:
    """Say why a request was not judged."""
    status = STATUS[error.code]
    response = written(RejectionAnswer(RejectionFacts(error.code, error.message)), status)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="ankong-verify"'
    elif status == 503:
        response.headers["Retry-After"] = "1"
    return response
