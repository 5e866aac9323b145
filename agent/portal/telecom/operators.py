"""The mobile operators that this service may ask."""

from collections.abc import Callable, Sequence
from typing import Final

import aiohttp
from aiohttp import web

from agent.portal.telecom.client import OperatorClient, OperatorSite
from agent.portal.telecom.settings import OperatorSettings

ANSWER_PATH: Final = "/phone/answer"
"""Where an operator's page sends the browser back to, at the origin that the phone is at."""


class MobileOperators:
    """All of them, with one HTTP session for the calls; it keeps no cookies."""

    def __init__(
        self,
        settings: Sequence[OperatorSettings],
        clock: Callable[[], float],
        http: aiohttp.ClientSession,
    ) -> None:
        """Make clients for these settings.

        Args:
            settings: of the operators, which were checked.
            clock: seconds since 1970, against which ID tokens are checked.
            http: without cookies of anybody.

        """
        self._settings = {each.name: each for each in settings}
        self._clock = clock
        self._http = http

    @property
    def names(self) -> Sequence[str]:
        """By which applicants know them, in the order of the settings."""
        return tuple(self._settings)

    def at(self, name: str, origin: str) -> OperatorClient | None:
        """Return an operator whose page sends the browser back to an origin; None if unknown."""
        settings = self._settings.get(name)
        if settings is None:
            return None
        site = OperatorSite(settings.issuer, settings.client_id, f"{origin}{ANSWER_PATH}")
        return OperatorClient(self._http, site, self._clock)


OPERATORS: Final = web.AppKey("operators", MobileOperators)
