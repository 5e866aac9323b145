"""Forms that pages post."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from agent.portal.errors import PortalCode, PortalError
from agent.portal.guard import read_body

_FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 50


async def read_form(request: web.Request) -> Mapping[str, str]:
    """Return the fields of a posted form without files; of a repeated one the last value.

    Raises:
        PortalError: ``bad_request``: it is no such form, or it is too large, too slow or breaks
            off.

    """
    if request.content_type != _FORM:
        raise PortalError(PortalCode.BAD_REQUEST, "form")
    body = await read_body(request)
    try:
        text = body.decode("ascii")  # what is not, is escaped
        return dict(
            parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
        )
    except ValueError as error:
        raise PortalError(PortalCode.BAD_REQUEST, "form") from error
