"""The client of the government's identity service (ICS).

It answers whether a certificate and an ID number belong to the same person.
"""

import asyncio
import hmac
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, unique
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol

import aiohttp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509 import load_pem_x509_certificate

from agent.files import read_file
from agent.relying.ics_xml import (
    FIELD,
    MAX_SIZE,
    NONCE_LENGTH,
    IcsFormatError,
    IcsRequest,
    Pair,
    read_response,
    write_request,
)
from agent.relying.urls import checked_url

_TIMEOUT_S: Final = 10
_MAX_PEM: Final = 64 * 1024  # bytes
_ALPHABET: Final = string.ascii_letters + string.digits


@unique
class IdentityVerdict(IntEnum):
    """The verdicts of the service about one pair, with its own numbers."""

    MATCH = 0
    NO_SUCH_PAIR = 1
    NO_CERTIFICATE = 2
    NOT_ACTIVATED = 3
    EXPIRED = 4
    REVOKED = 5


class IdentityServiceError(Exception):
    """There is no verdict: the service was not reached, not understood, or failed."""


class IdentityCheck(Protocol):
    """The interface of an identity service."""

    async def check(self, subject_serial: str, id_number: str) -> IdentityVerdict:
        """Return the verdict about one pair.

        Args:
            subject_serial: the serialNumber in the certificate's subject, 16 digits.
            id_number: normalised, 10 characters.

        Raises:
            IdentityServiceError: there is no verdict.

        """


@dataclass(frozen=True, slots=True, repr=False)
class IcsCredentials:
    """The client identifier, and the function that signs requests."""

    client_id: str
    sign: Callable[[bytes], bytes]


NO_CREDENTIALS: Final = IcsCredentials("", lambda _: b"")
"""For a stand-in that asks for none: an empty identifier and an empty signature."""


def load_credentials(certificate: Path, key: Path) -> IcsCredentials:
    """Load the site's certificate and its RSA key without a passphrase, both PEM.

    Raises:
        OSError: a file cannot be read.
        ValueError: one is not what it should be.

    """
    raw = [read_file(path, _MAX_PEM, follow_links=True) for path in (key, certificate)]
    private = serialization.load_pem_private_key(raw[0], password=None)
    if not isinstance(private, RSAPrivateKey):
        raise ValueError(f"{key.name} is not an RSA key")  # noqa: TRY004 - a file, not an argument
    site = load_pem_x509_certificate(raw[1])
    # ICS names its clients by SHA-1; it is a name here, not a protection.
    client_id = site.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - see above
    return IcsCredentials(client_id, lambda data: private.sign(data, PKCS1v15(), hashes.SHA256()))


class IcsClient:
    """The identity service over HTTP."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        credentials: IcsCredentials = NO_CREDENTIALS,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        """Make a client of the service at ``url``.

        Raises:
            ValueError: the URL is plain http to another machine.

        """
        self._http = http
        self._url = checked_url(url, "ics_url")
        self._credentials = credentials
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def check(self, subject_serial: str, id_number: str) -> IdentityVerdict:
        """Ask once; a failure is not retried.

        Raises:
            IdentityServiceError: there is no verdict.

        """
        nonce = "".join(secrets.choice(_ALPHABET) for _ in range(NONCE_LENGTH))
        pair = Pair(subject_serial, id_number)
        request = IcsRequest(self._credentials.client_id, nonce, datetime.now(UTC), pair)
        try:
            document = await asyncio.to_thread(write_request, request, self._credentials.sign)
            response = read_response(await self._post(document))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise IdentityServiceError(f"not reached: {type(error).__name__}") from error
        except IcsFormatError as error:
            raise IdentityServiceError(f"not understood: {error}") from error
        if not hmac.compare_digest(response.nonce.encode(), nonce.encode()):
            raise IdentityServiceError("the answer is to another question")
        try:
            return IdentityVerdict(response.code)
        except ValueError as error:
            raise IdentityServiceError(f"the service failed with code {response.code}") from error

    async def _post(self, document: bytes) -> bytes:
        async with self._http.post(
            self._url,
            data={FIELD: document.decode("ascii")},
            timeout=self._timeout,
            allow_redirects=False,  # an ID number goes where the operator said, nowhere else
        ) as response:
            if response.status != HTTPStatus.OK:
                raise IdentityServiceError(f"HTTP status {response.status}")
            body = await response.content.read(MAX_SIZE + 1)
            while len(body) <= MAX_SIZE and (more := await response.content.read(MAX_SIZE)):
                body += more
            return body
