"""Read a form that a page of the staff sent."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from agent.portal.errors import PortalCode, PortalError
from agent.portal.guard import read_body

_MOST_FIELDS: Final = 64


async def read_form(request: web.Request) -> Mapping[str, str]:
    """Return the fields of a urlencoded form; the last of a name counts.

    Raises:
        PortalError: ``bad_request``: it is no such form, not in UTF-8, or has too many fields.

    """
    if request.content_type != "application/x-www-form-urlencoded":
        raise PortalError(PortalCode.BAD_REQUEST, "form")
    try:
        fields = parse_qsl(
            (await read_body(request)).decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise PortalError(PortalCode.BAD_REQUEST, "form") from error
    return {name: value.replace("\0", "") for name, value in fields}
