"""Fetch one revocation list over HTTP from a server that may be hostile.

Lists are public and signed, so plain http is as good as https. Nothing is decompressed: a few
kilobytes may be packed gigabytes, and a list hardly gets smaller.
"""

from http import HTTPStatus
from typing import Final

import aiohttp

from agent.relying.list_fetch import TIMEOUT, FetchedList, ListFetchError, ListVersion
from agent.relying.urls import require_http
from agent.size_limits import MAX_CRL

_UNPACKED: Final = ("", "identity")


async def fetch_list(
    url: str, known: ListVersion, *, limit: int = MAX_CRL, seconds: float = TIMEOUT
) -> FetchedList:
    """Fetch a list, without following redirects.

    Args:
        url: http or https.
        known: the version that is there.
        limit: the most bytes accepted.
        seconds: how long everything together may take.

    Raises:
        ListFetchError: the server is not reached, takes too long, or sends anything but a list's
            bytes in one piece: another status, too many bytes, fewer than it said, packed ones.
        ValueError: the address has another scheme.

    """
    require_http(url)
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with (
            aiohttp.ClientSession(
                timeout=timeout, trust_env=True, auto_decompress=False
            ) as session,
            session.get(url, allow_redirects=False, headers=_headers(known)) as response,
        ):
            if response.status == HTTPStatus.NOT_MODIFIED and known:
                return FetchedList(None, known)
            return FetchedList(await _body(response, limit), _version(response))
    except TimeoutError as error:
        raise ListFetchError(f"took longer than {seconds:g} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise ListFetchError(f"not reached: {type(error).__name__}") from error


def _headers(known: ListVersion) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity", "User-Agent": "ankong-verify"}
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    return headers


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    if response.status != HTTPStatus.OK:
        raise ListFetchError(f"the server answered {response.status}")
    if response.headers.get("Content-Encoding", "").strip().lower() not in _UNPACKED:
        raise ListFetchError("the server packed the list, which nobody asked for")
    if (response.content_length or 0) > limit:
        raise ListFetchError(f"more than {limit} bytes")
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise ListFetchError(f"more than {limit} bytes")
    return bytes(body)


def _version(response: aiohttp.ClientResponse) -> ListVersion:
    headers = response.headers
    return ListVersion(headers.get("ETag", ""), headers.get("Last-Modified", ""))
