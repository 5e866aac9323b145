"""``ankong certificates``: list the certificates on the user's cards, without a running agent."""

import asyncio
from dataclasses import dataclass

from agent.commands.output import log_aside, say
from agent.commands.parser import CommandParser, JsonOptions, define
from agent.commands.readers import ReaderOptions, add_reader_options, use_service
from agent.consent.consent import AlwaysAllow
from agent.origin import LOCAL_USER
from agent.signing.service import SigningService
from agent.web.native import convert, messages, wire  # the API's own words


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificatesOptions(ReaderOptions, JsonOptions):
    """The options of ``certificates``.

    Attributes:
        reader: the name of the only reader that is used; None for all.

    """

    reader: str | None = None


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, CertificatesOptions, certificates)
    add_reader_options(parser)
    parser.add_argument("--reader", metavar="NAME", help="only this reader")


def certificates(options: CertificatesOptions) -> int:
    """Print the certificates on the card in each reader."""
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
