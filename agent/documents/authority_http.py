"""Ask servers that the settings name, and no other: for timestamps, and for revocation lists.

No address of a certificate or a document is ever followed. The request is the same for everybody.
"""

from http import HTTPStatus
from typing import Final

from agent.host.update.fetch import AGENT, check_address

SECONDS: Final = 10.0
"""The time limit of one request, from resolving the name to the last byte."""
_QUERY: Final = "application/timestamp-query"
_REPLY: Final = "application/timestamp-reply"
_PIECE: Final = 64 * 1024


class AuthorityError(Exception):
    """A server was not reached, or answered nothing that could be used; the text says why."""


async def post_query(url: str, query: bytes, limit: int, seconds: float = SECONDS) -> bytes:
    """Send a question for a timestamp (RFC 3161 §3.4), and return the answer's octets.

    Args:
        url: https, or http on this computer.
        query: a DER TimeStampReq.
        limit: the most bytes of an answer.
        seconds: how long it may take.

    Raises:
        AuthorityError: there is no such answer.

    """
    headers = {"Content-Type": _QUERY, "Accept": _REPLY}
    kind, body = await _ask(url, headers, query, limit=limit, seconds=seconds)
    if kind != _REPLY:
        raise AuthorityError("the server answered with something else than a timestamp")
    return body


async def get_list(url: str, limit: int, seconds: float = SECONDS) -> bytes:
    """Fetch a revocation list.

    Args:
        url: https, or http on this computer.
        limit: the most bytes of it.
        seconds: how long it may take.

    Raises:
        AuthorityError: there is none.

    """
    return (await _ask(url, {"Accept": "*/*"}, None, limit=limit, seconds=seconds))[1]


async def _ask(
    url: str, headers: dict[str, str], body: bytes | None, *, limit: int, seconds: float
) -> tuple[str, bytes]:
    """Return the answer's media type, and its octets; follows no redirect."""
    verb = "GET" if body is None else "POST"
    import aiohttp  # noqa: PLC0415  # takes long, and most people never need it

    try:
        check_address(url)
    except ValueError as error:
        raise AuthorityError(str(error)) from error
    sent = {"User-Agent": AGENT, "Accept-Encoding": "identity", **headers}
    session = aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )
    try:
        async with (
            session,
            session.request(verb, url, headers=sent, data=body, allow_redirects=False) as response,
        ):
            if response.status != HTTPStatus.OK:
                raise AuthorityError(f"the server answered {response.status}")
            found = bytearray()
            async for piece in response.content.iter_chunked(_PIECE):
                found += piece
                if len(found) > limit:
                    raise AuthorityError(f"longer than {limit} bytes")
            return response.content_type, bytes(found)
    except TimeoutError as error:
        raise AuthorityError(f"no answer within {seconds:g} seconds") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise AuthorityError(f"{type(error).__name__}: {error}") from error
