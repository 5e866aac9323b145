"""Ask the government's identity service (ICS) for a client; needs the extra ``[ics]``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from agent.relying.ics import (
    NO_CREDENTIALS,
    IcsClient,
    IdentityServiceError,
    IdentityVerdict,
    load_credentials,
)
from agent.validator.codes import ServiceCode, ServiceRefusalError
from agent.validator.config import Config, IcsTable


class IcsAsker:
    """Asks the configured service."""

    def __init__(self, client: IcsClient) -> None:
        self._client = client

    async def verdict(self, subject_serial: str, id_number: str) -> str | None:
        """Return nothing where they are one person's, else the name of the service's answer.

        Raises:
            ServiceRefusalError: ``identity_unavailable``.

        """
        try:
            found = await self._client.check(subject_serial, id_number)
        except IdentityServiceError as error:
            raise ServiceRefusalError(ServiceCode.IDENTITY_UNAVAILABLE) from error
        return None if found is IdentityVerdict.MATCH else found.name


@asynccontextmanager
async def asking_ics(config: Config, table: IcsTable) -> AsyncIterator[IcsAsker]:
    """Ask the service of a configuration inside the block.

    Raises:
        OSError: a file of the credentials cannot be read.
        ValueError: one is not what it should be, or the address is plain http.

    """
    credentials = NO_CREDENTIALS
    if table.certificate is not None and table.key is not None:
        files = config.folder / table.certificate, config.folder / table.key
        credentials = load_credentials(*files)
    async with aiohttp.ClientSession() as http:
        yield IcsAsker(IcsClient(http, table.url, credentials))
