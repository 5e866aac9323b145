"""Browsers' logs, made here: as Chromium's net log is written, and as its HAR is."""

import contextlib
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agent.cli import run

TYPES = {
    "CANCELLED": 0,
    "FAILED": 1,
    "REQUEST_ALIVE": 2,
    "TCP_CONNECT": 41,
    "URL_REQUEST_START_JOB": 144,
    "HTTP_TRANSACTION_SEND_REQUEST": 180,
    "HTTP_TRANSACTION_READ_RESPONSE_HEADERS": 186,
    "WEBSOCKET_UPGRADE_FAILURE": 210,
}
ERRORS = {
    "ERR_ABORTED": -3,
    "ERR_CONNECTION_REFUSED": -102,
    "ERR_SSL_PROTOCOL_ERROR": -107,
    "ERR_ADDRESS_UNREACHABLE": -109,
    "ERR_CONNECTION_TIMED_OUT": -118,
    "ERR_CERT_AUTHORITY_INVALID": -202,
    "ERR_INVALID_RESPONSE": -320,
    "ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS": -385,
}
CONSTANTS = {"logEventTypes": TYPES, "netError": ERRORS, "timeTickOffset": 1700000000000}
LINE = re.compile(
    r"[0-9]+\. (?:https?|wss?)://(?:127(?:\.[0-9]{1,3}){3}|\[::1\]|(?:\*\.)?localhost):[0-9]{1,5}"
    r"(?:  \+[0-9]+\.[0-9]{3} s)?  ×[0-9]+"
)
"""The one form of what stands first of an endpoint."""


def event(source: int, name: str, time: int = 1000, **params: Any) -> dict[str, Any]:
    """Make one event of a net log."""
    made = {"phase": 1, "source": {"id": source, "type": 1}, "time": str(time), "type": TYPES[name]}
    return {"params": params, **made} if params else made


def start(source: int, url: str, time: int = 1000) -> dict[str, Any]:
    return event(source, "URL_REQUEST_START_JOB", time, url=url, method="GET")


def request(source: int, url: str, time: int = 1000, error: str = "") -> list[dict[str, Any]]:
    """Make the events of a request that begins, and fails where an error is given."""
    ended = [event(source, "URL_REQUEST_START_JOB", time, net_error=ERRORS[error])] if error else []
    return [start(source, url, time), *ended]


def net_log(events: Iterable[Any], constants: Any = CONSTANTS) -> bytes:
    """Write a net log as Chromium does: the constants on the first line, one event on each."""
    lines = ",\n".join(json.dumps(each) for each in events)
    text = f'{{"constants":{json.dumps(constants)},\n"events": [\n{lines}],\n"polledData": {{}}}}\n'
    return text.encode()


def har_entry(url: str, status: int = 0, error: str | None = None, second: int = 0) -> Any:
    response = {"status": status, "headers": [], "content": {"text": '{"log": {"entries": [{'}}
    return {
        "startedDateTime": f"2026-11-28T08:00:{second:02}.250Z",
        "request": {"method": "GET", "url": url, "headers": []},
        "response": response if error is None else {**response, "_error": error},
    }


def har(*entries: Any) -> bytes:
    return json.dumps({"log": {"version": "1.2", "pages": [{}], "entries": entries}}).encode()


def inspected(path: Path, *options: str) -> tuple[int, str, str]:
    """Run ``ankong inspect``; return its exit status and what it printed on both streams."""
    out, aside = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(aside):
        status = run(["inspect", str(path), *options])
    return status, out.getvalue(), aside.getvalue()


def endpoints(path: Path) -> list[str]:
    """Return the endpoints that the command finds, each with what became of it."""
    status, out, _ = inspected(path, "--json")
    assert status == 0, out
    return [
        f"{row['scheme']}://{row['host']}:{row['port']} "
        + ", ".join(f"{each['count']} {each['status'] or each['kind']}" for each in row["answers"])
        for row in json.loads(out)["endpoints"]
    ]
