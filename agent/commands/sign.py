"""``ankong sign``: sign a file with the user's card, without a running agent."""

import asyncio
import getpass
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.cards.known_attempts import PURPOSE as ATTEMPTS
from agent.cards.known_attempts import StoredAttempts
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.commands.out_file import add_out, require_free
from agent.commands.output import log_aside, say, say_json
from agent.commands.parser import CommandParser, JsonOptions, define
from agent.commands.readers import ReaderOptions, add_reader_options, use_service
from agent.consent.consent import AlwaysAllow
from agent.errors import TooLargeError
from agent.files import FileTooLargeError, read_at_most
from agent.harmless import printable
from agent.history.store import History
from agent.host.instance.install_key import InstallKey
from agent.host.machine.memory import leave_no_core, shut_others_out
from agent.host.machine.paths import Paths
from agent.host.settings import config
from agent.host.settings.policy import Policy
from agent.host.update import status
from agent.origin import LOCAL_USER
from agent.secret import SecretBytes
from agent.signing.model import SignatureFormat, SignatureRequest
from agent.signing.service import SigningService
from agent.size_limits import MAX_ATTACHED_FILE

HASHES: Final = ("SHA-256", "SHA-384", "SHA-512")
FORMATS: Final = ("cms", "cms-detached", "pkcs1")
MAX_PIN_LINE: Final = 64
"""Bytes; a longer line on standard input is no PIN."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignOptions(ReaderOptions, JsonOptions):
    """The options of ``sign``.

    Attributes:
        file: the document that is signed.
        format: one of :data:`FORMATS`.
        hash: one of :data:`HASHES`.
        out: the file that the signature is written to.
        force: whether that file may be there already, and is replaced.
        reader: the name of the reader whose card is used; None for the only one.
        pin_stdin: whether the PIN is read from standard input even if that is a terminal.

    """

    file: Path
    format: str
    hash: str
    out: Path
    reader: str | None = None
    pin_stdin: bool = False
    force: bool = False


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, SignOptions, sign)
    add_reader_options(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="cli.sign.file")
    parser.add_argument("--format", choices=FORMATS, default="cms", help="cli.sign.format")
    parser.add_argument("--hash", choices=HASHES, default="SHA-256", help="cli.sign.hash")
    add_out(parser, required=True, text="cli.sign.out")
    parser.add_argument("--reader", metavar="NAME", help="cli.sign.reader")
    parser.add_argument("--pin-stdin", action="store_true", help="cli.sign.pin_stdin")


def sign(options: SignOptions) -> int:
    """Sign a file under this computer's policy, and add a line to the history."""
    require_free(options.out, force=options.force, inputs=(options.file, *options.virtual_card))
    provider = options.open_provider()
    log_aside()
    request = SignatureRequest(
        documents=(_read_document(options),),
        hash=HashAlgorithm(options.hash),
        format=SignatureFormat(options.format),
        reader=options.reader,
    )
    paths = Paths.choose(options.state_dir)
    paths.prepare()
    settings = Policy.of_this_computer(paths.policy).over(config.load(paths.config))
    known = status.read(paths, settings)
    leave_no_core()
    shut_others_out()
    pin = _read_pin(from_stdin=options.pin_stdin)
    key = InstallKey.ensure(paths.install_key).derive(ATTEMPTS)
    with (
        closing(History(paths.history)) as history,
        closing(StoredAttempts.open(paths.attempts, key)) as attempts,
    ):
        service = SigningService(
            provider,
            AlwaysAllow(),
            last_try=settings.last_try,
            allow_sha1=settings.allow_sha1,
            attempts=attempts,
            history=history,
            check_version=lambda: status.check(known),
        )
        result = asyncio.run(use_service(service, lambda: service.sign(LOCAL_USER, request, pin)))
    (signature,) = result.signatures
    # another way: the user may name a pipe or a device
    options.out.write_bytes(signature)
    facts = result.certificate.facts
    if options.json:
        say_json({"out": str(options.out), "thumbprint": facts.thumbprint.hex()})
    else:
        say(f"{options.out}: {options.format}, {options.hash}, {printable(facts.subject)}")
    return 0


def _read_document(options: SignOptions) -> Document:
    """Read what is signed: whole where the signature is to contain it, else piece by piece.

    Raises:
        TooLargeError: the signature could not contain it.
        OSError: it cannot be read.

    """
    with options.file.open("rb") as file:
        if SignatureFormat(options.format) is not SignatureFormat.CMS:
            return Document.read(file, HashAlgorithm(options.hash), options.file.name)
        try:
            return Document(read_at_most(file, MAX_ATTACHED_FILE), name=options.file.name)
        except FileTooLargeError as error:
            raise TooLargeError(
                f"{options.file.name}: a signature contains a document of at most"
                f" {MAX_ATTACHED_FILE} bytes; --format cms-detached signs one of any length",
                said=(
                    "cli.error.too_large_to_contain",
                    {"name": options.file.name, "limit": MAX_ATTACHED_FILE},
                ),
            ) from error


def _read_pin(*, from_stdin: bool) -> SecretBytes:
    """Read the PIN without an echo; never from an argument or the environment."""
    if not from_stdin and sys.stdin.isatty():
        return SecretBytes.from_text(getpass.getpass("PIN: "))
    line = bytearray(sys.stdin.buffer.readline(MAX_PIN_LINE))
    while line and line[-1] in b"\r\n":
        line.pop()
    return SecretBytes(line)
