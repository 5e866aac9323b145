"""A stand-in for the identity service: the same XML, with a list of test people.

    python -m agent.portal.ics.standin --records issued.json --port 0

The list is what a test issuer writes: a JSON array of objects with ``subject_serial``,
``id_number``, ``not_after`` and ``revoked_at``. It is read for every question.
"""

import argparse
import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

import msgspec
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import Certificate, load_pem_x509_certificate

from agent.portal.serving import announce_ready, listen, serving, stop_requested
from agent.relying.ics import IdentityVerdict
from agent.relying.ics_xml import (
    FIELD,
    MAX_SIZE,
    NONCE_LENGTH,
    IcsFormatError,
    IcsResponse,
    Pair,
    SignedIcsRequest,
    read_request,
    write_response,
)

PATH: Final = "/cgi-bin/CheckSNPID/CheckSNPID"
_CODE_REFUSED: Final = 1001
"""This stand-in's own reading of the range above 1000: the question cannot be answered."""

_LOG: Final = logging.getLogger(__name__)


class _Record(msgspec.Struct, frozen=True):
    """One certificate of one person; other fields of the issuer's list are not needed."""

    subject_serial: str
    id_number: str
    not_after: str = ""
    revoked_at: str = ""
    activated: bool = True

    def verdict(self, now: datetime) -> IdentityVerdict:
        if self.revoked_at:
            return IdentityVerdict.REVOKED
        if self.not_after and datetime.fromisoformat(self.not_after) < now:
            return IdentityVerdict.EXPIRED
        return IdentityVerdict.MATCH if self.activated else IdentityVerdict.NOT_ACTIVATED


def judge(records: Sequence[_Record], pair: Pair, now: datetime) -> IdentityVerdict:
    """Return the verdict about a pair; the best of all certificates with that subject serial."""
    verdicts = [
        record.verdict(now)
        for record in records
        if (record.subject_serial, record.id_number) == (pair.subject_serial, pair.id_number)
    ]
    if verdicts:
        return min(verdicts)
    known = any(record.id_number == pair.id_number for record in records)
    return IdentityVerdict.NO_SUCH_PAIR if known else IdentityVerdict.NO_CERTIFICATE


@dataclass(frozen=True, slots=True)
class StandIn:
    """The list of people, and the clients that may ask; anybody where there are none."""

    records: Path
    clients: Mapping[str, Certificate]

    def answer(self, document: bytes) -> bytes:
        """Answer one request document.

        Raises:
            IcsFormatError: the document is malformed.
            OSError: the list cannot be read.
            msgspec.MsgspecError: the list is malformed.

        """
        asked = read_request(document)
        pair, nonce = asked.request.pair, asked.request.nonce
        if len(nonce) != NONCE_LENGTH:
            raise IcsFormatError("Nonce")
        if not self._is_client(asked):
            return write_response(IcsResponse(nonce, _CODE_REFUSED), pair)
        records = msgspec.json.decode(self.records.read_bytes(), type=list[_Record])
        return write_response(IcsResponse(nonce, judge(records, pair, datetime.now(UTC))), pair)

    def _is_client(self, asked: SignedIcsRequest) -> bool:
        if not self.clients:
            return True
        client = self.clients.get(asked.request.client_id)
        key = None if client is None else client.public_key()
        if not isinstance(key, RSAPublicKey):
            return False
        try:
            key.verify(asked.signature, asked.signed, PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


STAND_IN: Final = web.AppKey("stand_in", StandIn)


async def _check(request: web.Request) -> web.Response:
    body = await request.read()
    try:
        answer = await asyncio.to_thread(request.app[STAND_IN].answer, _document(body))
    except (OSError, msgspec.MsgspecError) as error:
        # Of the errors only the kind: their text may quote the list.
        _LOG.error("the list cannot be used: %s", type(error).__name__)
        raise web.HTTPInternalServerError(text="the list cannot be used") from error
    except IcsFormatError as error:
        _LOG.info("refused a request: %s", error)
        raise web.HTTPBadRequest(text="not an ICS request") from error
    return web.Response(body=answer, content_type="text/xml")


def _document(body: bytes) -> bytes:
    """Return the one field of a form.

    Raises:
        IcsFormatError: there is none, or the form is malformed.

    """
    try:
        form = parse_qs(body.decode("ascii"), max_num_fields=4)
    except ValueError as error:
        raise IcsFormatError("form") from error
    return "".join(form.get(FIELD, ())).encode()


def create_standin(records: Path, clients: Sequence[Certificate] = ()) -> web.Application:
    """Build the application.

    Args:
        records: the JSON list.
        clients: the certificates of those who may ask and must sign; anybody when empty.

    """
    app = web.Application(client_max_size=2 * MAX_SIZE)
    named = {client.fingerprint(hashes.SHA1()).hex().upper(): client for client in clients}  # noqa: S303 - ICS's name for a client
    app[STAND_IN] = StandIn(records, named)
    app.router.add_post(PATH, _check)
    return app


async def _serve(arguments: argparse.Namespace) -> None:
    clients = [load_pem_x509_certificate(path.read_bytes()) for path in arguments.client]
    app = create_standin(arguments.records, clients)
    with listen("127.0.0.1", arguments.port) as sock:
        async with serving(app, sock):
            url = f"http://127.0.0.1:{sock.getsockname()[1]}{PATH}"
            announce_ready({"product": "ics-standin", "url": url})
            await stop_requested()


def main() -> None:
    """Serve on loopback until stopped, after one JSON line that says where."""
    parser = argparse.ArgumentParser(description="A stand-in for the identity service ICS.")
    parser.add_argument("--records", type=Path, required=True, help="the issuer's list, JSON")
    parser.add_argument("--port", type=int, default=0, help="0 for any free one")
    parser.add_argument(
        "--client", type=Path, action="append", default=[], help="certificate of a site, PEM"
    )
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
