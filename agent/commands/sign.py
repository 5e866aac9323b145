"""``ankong sign``: sign files with the user's card, without a running agent."""

import argparse
import asyncio
import errno
import logging
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.commands.out_file import add_out, require_free
from agent.commands.output import log_aside, say, say_json
from agent.commands.own_service import keep_secrets, own_service, prepared_paths, read_pin
from agent.commands.parser import CommandParser, JsonOptions, UnfitOptionsError, define
from agent.commands.readers import ReaderOptions, add_reader_options, use_service
from agent.commands.sign_pdfs import PdfOptions, sign_pdfs
from agent.commands.sign_window import sign_in_window
from agent.commands.tongue import tongue
from agent.documents.levels import SignatureLevel
from agent.documents.signing import SignatureWish
from agent.errors import TooLargeError
from agent.files import FileTooLargeError, read_at_most
from agent.harmless import printable
from agent.origin import LOCAL_USER
from agent.pdf.wire import MarkPlace
from agent.signing.model import SignatureFormat, SignatureRequest
from agent.size_limits import MAX_ATTACHED_FILE

HASHES: Final = ("SHA-256", "SHA-384", "SHA-512")
AUTO: Final = "auto"
PADES: Final = "pades"
LEVELS: Final = tuple(map(str, SignatureLevel))
MAX_REMARK: Final = 255
"""Characters."""
_PLACE: Final = re.compile(r"(last|first|[0-9]{1,5})(?::([0-9.]+(?:,[0-9.]+){3}))?(?!\n)$")
_FOR_PDFS: Final = ("level", "reason", "location", "field", "mark", "password_stdin")
FORMATS: Final = (AUTO, PADES, "cms", "cms-detached", "pkcs1", "ecdsa")


@dataclass(frozen=True, kw_only=True, slots=True)
class SignOptions(ReaderOptions, JsonOptions):
    """The options of ``sign``.

    Attributes:
        files: the documents that are signed.
        format: one of :data:`FORMATS`.
        hash: one of :data:`HASHES`.
        out: the file or folder that is written to; None for beside the documents.
        force: whether that file may be there already, and is replaced.
        reader: the name of the reader whose card is used; None for the only one.
        pin_stdin: whether the PIN is read from standard input even if that is a terminal.
        password_stdin: whether the PDFs' own password is, one line before it.
        reason: why a PDF is signed; None says nothing.
        location: where, likewise.
        field: the empty signature field of a PDF; None for the first, or a new one.
        mark: where the signature of a PDF is to be seen; None for nowhere.
        window: whether the files are handed over to the panel, which asks for all the rest.
        level: how long the proof of a PDF is to last; None for what the settings say.

    """

    files: list[Path]
    format: str
    hash: str
    out: Path | None = None
    reader: str | None = None
    pin_stdin: bool = False
    password_stdin: bool = False
    force: bool = False
    reason: str | None = None
    location: str | None = None
    field: str | None = None
    mark: MarkPlace | None = None
    window: bool = False
    level: str | None = None


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, SignOptions, sign)
    parser.ending = "cli.sign.ending"
    add_reader_options(parser)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="cli.sign.file")
    parser.add_argument("--format", choices=FORMATS, default=AUTO, help="cli.sign.format")
    parser.add_argument("--hash", choices=HASHES, default="SHA-256", help="cli.sign.hash")
    add_out(parser, text="cli.sign.out")
    parser.add_argument("--reader", metavar="NAME", help="cli.sign.reader")
    parser.add_argument("--pin-stdin", action="store_true", help="cli.sign.pin_stdin")
    parser.add_argument("--reason", type=_remark, metavar="TEXT", help="cli.sign.reason")
    parser.add_argument("--location", type=_remark, metavar="TEXT", help="cli.sign.location")
    parser.add_argument("--field", metavar="NAME", help="cli.sign.field")
    parser.add_argument("--mark", type=_mark, metavar="PLACE", help="cli.sign.visible")
    parser.add_argument("--level", choices=LEVELS, help="cli.sign.level")
    parser.add_argument("--password-stdin", action="store_true", help="cli.sign.password_stdin")
    parser.add_argument("--window", action="store_true", help="cli.sign.window")


def sign(options: SignOptions) -> int:
    """Sign files under this computer's policy, and add lines to the history.

    Raises:
        UnfitOptionsError: the options do not go together.
        AgentError: nothing was signed, and why.
        OSError: a file cannot be read or written.

    """
    if options.window:
        return sign_in_window(options.files, options.state_dir)
    form = _format(options)
    if form == PADES:
        return _sign_pdfs(options)
    return _sign_file(options, *_one_file(options), SignatureFormat(form))


def _one_file(options: SignOptions) -> tuple[Path, Path]:
    """Return what is signed, and where its signature goes.

    Raises:
        UnfitOptionsError: there are several, or nobody said where.
        OSError: one is a folder, or is not there: that is said before anything of options.

    """
    file, *others = options.files
    if options.out is not None and not others:
        return file, options.out
    for each in options.files:
        if stat.S_ISDIR(each.stat().st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(each))
    if others:
        raise UnfitOptionsError(
            "only PDFs are signed several at once", said=("cli.error.one_file_and_out", {})
        )
    raise UnfitOptionsError(
        f"--out has to say where the signature of {file} goes",
        said=("cli.error.out_needed", {"name": str(file)}),
    )


def _format(options: SignOptions) -> str:
    """Return the format: by the ending of what is written, else of what is read."""
    if options.format != AUTO:
        return options.format
    out = options.out
    named = options.files if out is None or not out.suffix or out.is_dir() else [out]
    return PADES if all(each.suffix.lower() == ".pdf" for each in named) else "cms"


def _require_no_pdf_options(options: SignOptions, form: SignatureFormat) -> None:
    """Refuse what a signature of another kind has no place for, and would leave out silently.

    Raises:
        UnfitOptionsError: an option is for PDFs alone.

    """
    for name in _FOR_PDFS:
        value = getattr(options, name)
        if value is not None and value is not False:
            option = f"--{name.replace('_', '-')}"
            raise UnfitOptionsError(
                f"{option} is for signatures in PDFs, and not for {form}",
                said=("cli.error.only_for_pdfs", {"option": option, "format": form}),
            )


def _sign_pdfs(options: SignOptions) -> int:
    if options.hash != HashAlgorithm.SHA256:
        raise UnfitOptionsError("a PDF is signed with SHA-256", said=("cli.error.pdf_hash", {}))
    pdf = PdfOptions(
        files=options.files,
        out=options.out,
        force=options.force,
        wish=_wish(options),
        pin_stdin=options.pin_stdin,
        password_stdin=options.password_stdin,
        json=options.json,
        state_dir=options.state_dir,
    )
    provider = options.open_provider()
    log_aside(logging.ERROR)  # why a card does not sign is said in words
    return sign_pdfs(pdf, provider)


def _wish(options: SignOptions) -> SignatureWish:
    return SignatureWish(
        options.reason,
        options.location,
        options.field,
        options.reader,
        options.mark,
        tongue(),
        None if options.level is None else SignatureLevel(options.level),
    )


def _sign_file(options: SignOptions, file: Path, out: Path, form: SignatureFormat) -> int:
    """Write a signature that contains a file, or stands beside it."""
    _require_no_pdf_options(options, form)
    require_free(out, force=options.force, inputs=(file, *options.virtual_card))
    provider = options.open_provider()
    log_aside(logging.ERROR)  # why a card does not sign is said in words
    request = SignatureRequest(
        documents=(_read_document(file, form, HashAlgorithm(options.hash)),),
        hash=HashAlgorithm(options.hash),
        format=form,
        reader=options.reader,
    )
    paths = prepared_paths(options.state_dir)
    with own_service(provider, paths) as service:
        keep_secrets()
        pin = read_pin(from_stdin=options.pin_stdin)
        result = asyncio.run(use_service(service, lambda: service.sign(LOCAL_USER, request, pin)))
    (signature,) = result.signatures
    # another way: the user may name a pipe or a device
    out.write_bytes(signature)
    facts = result.certificate.facts
    if options.json:
        say_json({"out": str(out), "thumbprint": facts.thumbprint.hex()})
    else:
        say(f"{out}: {form}, {options.hash}, {printable(facts.subject)}")
    return 0


def _read_document(path: Path, form: SignatureFormat, algorithm: HashAlgorithm) -> Document:
    """Read what is signed: whole where the signature is to contain it, else piece by piece.

    Raises:
        TooLargeError: the signature could not contain it.
        OSError: it cannot be read.

    """
    with path.open("rb") as file:
        if form is not SignatureFormat.CMS:
            return Document.read(file, algorithm, path.name)
        try:
            return Document(read_at_most(file, MAX_ATTACHED_FILE), name=path.name)
        except FileTooLargeError as error:
            raise TooLargeError(
                f"{path.name}: a signature contains a document of at most"
                f" {MAX_ATTACHED_FILE} bytes; --format cms-detached signs one of any length",
                said=(
                    "cli.error.too_large_to_contain",
                    {"name": path.name, "limit": MAX_ATTACHED_FILE},
                ),
            ) from error


def _mark(text: str) -> MarkPlace | None:
    """Return where a mark goes: ``none``, ``last``, ``first`` or a page, and ``:x,y,w,h`` there.

    Raises:
        argparse.ArgumentTypeError: it is no such place.

    """
    if text == "none":
        return None
    found = _PLACE.match(text)
    if found is None:
        raise argparse.ArgumentTypeError("cli.usage.mark")
    try:
        page = {"last": None, "first": 1}.get(found[1], found[1])
        box = None if found[2] is None else list(map(float, found[2].split(",")))
        return msgspec.convert({"page": page, "box": box}, MarkPlace, strict=False)
    except ValueError as error:
        raise argparse.ArgumentTypeError("cli.usage.mark") from error


def _remark(text: str) -> str | None:
    """Return a remark that readers of the document can show; None for an empty one.

    Raises:
        argparse.ArgumentTypeError: it is too long, or has characters that reorder or end a line.

    """
    if len(text) > MAX_REMARK or printable(text) != text:
        raise argparse.ArgumentTypeError("cli.usage.remark")
    return text or None
