"""``ankong certificates``: a person and their own card, without the agent."""

import asyncio
from dataclasses import dataclass

from agent.commands.output import log_aside, say
from agent.commands.parser import CommandParser, add_json, define
from agent.commands.readers import ReaderOptions, add_reader_options, use_service
from agent.consent.consent import AlwaysAllow
from agent.origin import LOCAL_USER
from agent.signing.service import SigningService
from agent.web.native import convert, messages, wire  # the API's own words


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificatesOptions(ReaderOptions):
    """What ``certificates`` is told.

    Attributes:
        reader: the only one that is looked at; None for all.
        json: whether the answer is for a program.

    """

    reader: str | None = None
    json: bool = False


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, CertificatesOptions, certificates)
    add_reader_options(parser)
    parser.add_argument("--reader", metavar="NAME", help="only this reader")
    add_json(parser)


def certificates(options: CertificatesOptions) -> int:
    """List what is on the card in each reader."""
    provider = options.open_provider()
    log_aside()
    service = SigningService(provider, AlwaysAllow())
    found = asyncio.run(
        use_service(service, lambda: service.certificates(LOCAL_USER, options.reader))
    )
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
