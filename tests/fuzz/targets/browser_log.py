"""A browser's log, as a person hands it over: a net log or a HAR, packed or not."""

import gzip
import json
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from agent.browserlog.reading import read_log
from agent.errors import BadRequestError, TooLargeError

REFUSALS = (BadRequestError, TooLargeError)
WORDS = (
    b'"constants":{',
    b'"logEventTypes":{',
    b'"events":[',
    b'"log":{"entries":[',
    b'"params":{',
    b'"url":"',
    b"127.0.0.1",
    b"\x1f\x8b\x08",
)
LONGEST = 200_000
URL = "https://127.0.0.1:61161/pkcs11info"
NET_LOG = {
    "constants": {
        "logEventTypes": {"URL_REQUEST_START_JOB": 1, "FAILED": 2},
        "netError": {"ERR_X": -9},
    },
    "events": [
        {"type": 1, "source": {"id": 3}, "time": "17", "params": {"url": URL}},
        {"type": 2, "source": {"id": 3}, "time": "18", "params": {"net_error": -9}},
    ],
}
HAR = {
    "log": {
        "entries": [
            {
                "request": {"url": URL},
                "startedDateTime": "2026-06-15T08:00:00Z",
                "response": {"status": 200},
            }
        ]
    }
}


@cache
def place() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-log-")) / "log"


def one(data: bytes) -> int:
    place().write_bytes(data)
    found = read_log(place())
    assert all(str(each.endpoint) and each.count for each in found.endpoints)
    return len(found.endpoints)


def seeds() -> Iterator[tuple[bytes, int]]:
    yield json.dumps(NET_LOG).encode(), 1
    yield json.dumps(HAR).encode(), 1
    yield gzip.compress(json.dumps(NET_LOG).encode(), mtime=0), 1
