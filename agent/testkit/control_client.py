"""What a test's own program says to the test control; it needs nothing but the standard library."""

import http.client
import json
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

_TIMEOUT: Final = 60.0  # seconds; a new card needs two keys, and on a busy machine that takes long


class ControlCallError(Exception):
    """The test control refused a request.

    Attributes:
        status: of HTTP.
        path: of the field that is wrong, such as ``$.order.pin``; empty where it is none.

    """

    def __init__(self, status: int, message: str, path: str) -> None:
        super().__init__(f"{status} {message}" + (f" at {path}" if path else ""))
        self.status = status
        self.path = path


@dataclass(frozen=True, slots=True)
class ControlClient:
    """A way to one agent's test control; blocking, usable from any thread.

    Attributes:
        url: as the agent's ready line says it.
        token: likewise.

    """

    url: str
    token: str = field(repr=False)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send one request below ``/v1/``, and return the JSON of the answer; None of none.

        Raises:
            ControlCallError: it was refused.
            OSError: the agent does not answer.

        """
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=_TIMEOUT)
        headers = {"Authorization": f"Bearer {self.token}"}
        sent = None if body is None else json.dumps(body)
        try:
            connection.request(method, f"/v1/{path}", sent, headers)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        found = json.loads(raw) if raw else None
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            error = (found or {}).get("error", {})
            raise ControlCallError(answer.status, error.get("message", ""), error.get("path", ""))
        return found


def quoted(name: str) -> str:
    """Return a name as it stands in a path."""
    return quote(name, safe="")
