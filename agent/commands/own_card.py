"""``ankong certificates`` and ``ankong sign``: a person and their own card, without the agent."""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any, Final, TypeVar

from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.commands.output import log_aside, say, say_json
from agent.consent.consent import AlwaysAllow
from agent.history.store import History
from agent.host.machine.memory import leave_no_core
from agent.host.machine.paths import Paths
from agent.host.settings import config
from agent.host.settings.policy import Policy
from agent.host.update import standing
from agent.origin import LOCAL_USER
from agent.secret import SecretBytes
from agent.signing.model import SignatureFormat, SignRequest
from agent.signing.service import SigningService
from agent.transport.base import CardProvider
from agent.web.native import convert, messages, wire  # the API's own words

T = TypeVar("T")
MAX_PIN_LINE: Final = 64
"""Bytes; a longer line on standard input is no PIN."""


def certificates(options: argparse.Namespace, provider: CardProvider) -> int:
    """List what is on the card in each reader."""
    log_aside()
    service = SigningService(provider, AlwaysAllow())
    found = asyncio.run(_with(service, lambda: service.certificates(LOCAL_USER, options.reader)))
    if options.json:
        rows = tuple(convert.certificate(certificate) for certificate in found)
        say(wire.encode(messages.CertificatesResult(rows)).decode())
        return 0
    for certificate in found:
        facts = certificate.facts
        say(f"{certificate.reader}: {certificate.id} {certificate.label}")
        say(f"  {facts.subject}")
        say(f"  {facts.not_before:%Y-%m-%d} – {facts.not_after:%Y-%m-%d}")
        say(f"  {facts.thumbprint.hex()}")
    return 0


def sign(options: argparse.Namespace, provider: CardProvider) -> int:
    """Sign a file; the history has a line about it, and the policy counts here too."""
    log_aside()
    request = SignRequest(
        documents=(Document(data=options.file.read_bytes(), name=options.file.name),),
        hash=HashAlgorithm(options.hash),
        format=SignatureFormat(options.format),
        reader=options.reader,
    )
    places = Paths.choose(options.state_dir)
    places.prepare()
    settings = Policy.of_this_computer(places.policy).over(config.load(places.config))
    known = standing.read(places, settings)
    leave_no_core()
    pin = _read_pin(from_stdin=options.pin_stdin)
    with closing(History(places.history)) as history:
        service = SigningService(
            provider,
            AlwaysAllow(),
            last_try=settings.last_try,
            history=history,
            check_version=lambda: standing.check(known),
        )
        result = asyncio.run(_with(service, lambda: service.sign(LOCAL_USER, request, pin)))
    (signature,) = result.signatures
    options.out.write_bytes(signature)
    facts = result.certificate.facts
    if options.json:
        say_json({"out": str(options.out), "thumbprint": facts.thumbprint.hex()})
    else:
        say(f"{options.out}: {options.format}, {options.hash}, {facts.subject}")
    return 0


async def _with(service: SigningService, use: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run one use case."""
    await service.start()
    try:
        return await use()
    finally:
        await service.close()


def _read_pin(*, from_stdin: bool) -> SecretBytes:
    """Read the PIN without showing it; never from an argument or the environment."""
    if not from_stdin and sys.stdin.isatty():
        return SecretBytes.from_text(getpass.getpass("PIN: "))
    line = bytearray(sys.stdin.buffer.readline(MAX_PIN_LINE))
    while line and line[-1] in b"\r\n":
        line.pop()
    return SecretBytes(line)
