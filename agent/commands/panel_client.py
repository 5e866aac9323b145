"""Ask the running agent what its panel shows, as the panel's page would."""

import http.client
import json
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from agent import strict_json
from agent.errors import AgentError, ErrorCode
from agent.host.instance.panel_key import panel_address
from agent.host.machine.paths import Paths
from agent.host.tls.identity import AUTHORITY_FILE
from agent.host.tls.places import choose
from agent.web.panel.door import API, CLOSE, COOKIE, KEY_HEADER, OPEN

_SECONDS: Final = 5.0
_MAX_ANSWER: Final = 16 * 1024 * 1024  # bytes


class PanelClient:
    """A session of the panel, which ends with the context; each call blocks."""

    def __init__(self, paths: Paths) -> None:
        """Prepare to open a session.

        Args:
            paths: of the agent's folder.

        """
        self._paths = paths
        self._headers: dict[str, str] = {}
        self._connection: http.client.HTTPSConnection

    def __enter__(self) -> Self:
        """Open the session.

        Raises:
            AgentError: no agent is ready, or it does not answer.

        """
        address, _, token = panel_address(self._paths).partition("#token=")
        port = int(address.split("/")[2].partition(":")[2])
        context = _context(self._paths)
        self._connection = http.client.HTTPSConnection(
            "localhost", port, timeout=_SECONDS, context=context
        )
        self._headers = {"Origin": f"https://localhost:{port}", KEY_HEADER: "open"}
        key, cookie = self._open(token, COOKIE.format(port=port))
        self._headers |= {KEY_HEADER: key, "Cookie": cookie}
        return self

    def _open(self, token: str, name: str) -> tuple[str, str]:
        response, content = self._ask("POST", OPEN, json.dumps({"token": token}).encode())
        cookie = (response.getheader("Set-Cookie") or "").partition(";")[0]
        key = content.get("key")
        if not isinstance(key, str) or not cookie.startswith(f"{name}="):
            raise _silent("it did not open its panel")
        return key, cookie

    def get(self, name: str) -> Mapping[str, Any]:
        """Return the answer of one of the panel's calls, such as ``state``.

        Raises:
            AgentError: it does not answer.

        """
        return self._ask("GET", f"{API}{name}")[1]

    def _ask(
        self, method: str, path: str, body: bytes | None = None
    ) -> tuple[http.client.HTTPResponse, Mapping[str, Any]]:
        headers = {**self._headers, "Content-Type": "application/json"}
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            content = response.read(_MAX_ANSWER + 1)
            if response.status == http.client.NO_CONTENT:
                return response, {}
            if response.status != http.client.OK:
                raise _silent(f"HTTP {response.status}")
            return response, strict_json.decode(content, dict[str, Any], limit=_MAX_ANSWER)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _silent(type(error).__name__) from error

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._ask("POST", CLOSE)
        except AgentError:
            pass
        finally:
            self._connection.close()


def _context(paths: Paths) -> ssl.SSLContext:
    """Trust the certificates for all users where they count, and this user's own."""
    choice, own = choose(paths), paths.tls / AUTHORITY_FILE
    try:
        context = ssl.create_default_context(cafile=str(choice.authority))
        if own != choice.authority and own.exists():
            context.load_verify_locations(own)
    except OSError as error:  # ssl.SSLError is one
        raise _silent("its certificate cannot be read") from error
    return context


def _silent(detail: str) -> AgentError:
    said = ("cli.error.silent", {"detail": detail})
    return AgentError(f"the agent does not answer: {detail}", code=ErrorCode.TIMEOUT, said=said)
