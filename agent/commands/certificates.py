"""``ankong certificates``: list the certificates on the user's cards, without a running agent."""

import asyncio
from dataclasses import dataclass

from agent.commands.open_tokens import open_tokens
from agent.commands.output import log_aside, say, say_aside
from agent.commands.parser import CommandParser, JsonOptions, define
from agent.commands.readers import ReaderOptions, add_reader_options, use_service
from agent.commands.times import local_time
from agent.commands.tongue import tell
from agent.consent.consent import AlwaysAllow
from agent.errors import ErrorCode
from agent.harmless import printable
from agent.host.machine.paths import Paths
from agent.host.settings import config
from agent.host.settings.policy_in_force import policy_in_force
from agent.origin import LOCAL_USER
from agent.signing.model import ReaderProblem
from agent.signing.service import SigningService
from agent.web.native import convert, wire  # the API's own words


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
    parser.add_argument("--reader", metavar="NAME", help="cli.certificates.reader")


def certificates(options: CertificatesOptions) -> int:
    """Print the certificates on the card in each reader."""
    provider = options.open_provider()
    log_aside()
    paths = Paths.choose(options.state_dir)
    settings = policy_in_force(paths).over(config.load(paths.config))
    service = SigningService(provider, AlwaysAllow(), tokens=open_tokens(settings))
    listing = asyncio.run(
        use_service(service, lambda: service.certificates(LOCAL_USER, options.reader))
    )
    for problem in listing.problems:
        say_aside(f"ankong: {_describe(problem)}")
    if options.json:
        say(wire.encode(convert.certificates(listing)).decode())
        return 0
    for certificate in listing.certificates:
        facts = certificate.facts
        say(f"{certificate.reader}: {certificate.id} {printable(certificate.label)}")
        say(f"  {printable(facts.subject)}")
        say(f"  {local_time(facts.not_before)} – {local_time(facts.not_after)}")
        say(f"  {facts.thumbprint.hex()}")
    return 0


def _describe(problem: ReaderProblem) -> str:
    if problem.error.code is ErrorCode.TIMEOUT:
        return tell("cli.certificates.said.silent", reader=printable(problem.reader))
    if problem.error.code is ErrorCode.PIN_REQUIRED:
        return tell("cli.certificates.said.hidden", reader=printable(problem.reader))
    return f"{problem.reader}: {problem.error.code}: {problem.error.detail}"
