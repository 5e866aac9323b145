"""Fetch the manifest of releases from the one address that was configured.

The request is the same for everybody: no cookie, no version, no language, no name.
"""

from typing import Final
from urllib.parse import urlsplit

from agent.host.update.manifest import MAX_SIZE, BadManifestError

SECONDS: Final = 15.0
"""The time limit, from resolving the name to the last byte."""
AGENT: Final = "Ankong"
"""The User-Agent header."""
_HEADERS: Final = {"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def check_address(url: str) -> None:
    """Check that an address is https, or http on this computer.

    Raises:
        ValueError: it is neither, or has a user name, a password or a fragment.

    """
    parts = urlsplit(url)
    is_secret = parts.scheme == "https"
    if parts.scheme == "http":
        is_secret = parts.hostname in _LOOPBACK
    if not is_secret or not parts.hostname or parts.username is not None or parts.fragment:
        raise ValueError("the address of updates is https, without a name or password in it")


async def fetch(url: str, seconds: float = SECONDS) -> bytes:
    """Fetch the text; follows no redirect.

    Args:
        url: see :func:`check_address`.
        seconds: how long it may take.

    Raises:
        BadManifestError: the server answers something else, or too much.
        OSError, ValueError: the server cannot be reached (``TimeoutError`` is an ``OSError``).

    """
    import aiohttp  # noqa: PLC0415  # takes long, and a start does not ask

    check_address(url)
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with (
            aiohttp.ClientSession(
                timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            ) as session,
            session.get(url, headers=_HEADERS, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise BadManifestError(f"the server answered {response.status}")
            body = await response.content.read(MAX_SIZE + 1)
            while len(body) <= MAX_SIZE and (more := await response.content.read(MAX_SIZE)):
                body += more
    except aiohttp.ClientError as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
    if len(body) > MAX_SIZE:
        raise BadManifestError(f"longer than {MAX_SIZE} bytes")
    return body
