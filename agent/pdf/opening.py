"""Open a PDF strictly: what readers could understand in different ways is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from pyhanko.pdf_utils.crypt import AuthStatus, StandardSecurityHandler
from pyhanko.pdf_utils.crypt.permissions import StandardPermissions
from pyhanko.pdf_utils.generic import NumberObject, pdf_name
from pyhanko.pdf_utils.misc import PdfError as LibraryError
from pyhanko.pdf_utils.reader import PdfFileReader

from agent.errors import ErrorCode
from agent.pdf.both_tables import agree_on_tables
from agent.pdf.first_entry import read_strictly
from agent.pdf.objects import entry
from agent.pdf.wire import PdfError

_HEADER: Final = b"%PDF-"
_WITH_FILTERS: Final = 4
_NO_STANDARD: Final = 5
"""Revisions of the standard way to encrypt (ISO 32000-1 table 21)."""
_MAY_SIGN: Final = (  # bits 6 and 9 of /P (ISO 32000-1 table 22)
    StandardPermissions.ALLOW_ANNOTS_FORM_FILLING | StandardPermissions.ALLOW_FORM_FILLING
)


@contextmanager
def hostile_pdf() -> Iterator[None]:
    """Turn whatever goes wrong with a document into an error with a code.

    Everything: no list of what a parser raises on hostile octets is ever complete, and nothing
    that was half read is used afterwards.

    Raises:
        PdfError: ``document_damaged``, or what was raised within.

    """
    try:
        yield
    except PdfError:
        raise
    except (Exception, RecursionError, MemoryError) as error:
        said = f"{type(error).__name__}: {error}"
        raise refused(ErrorCode.DOCUMENT_DAMAGED, said) from error


def refused(code: ErrorCode, detail: str) -> PdfError:
    """Return the error that says why a document is not taken."""
    return PdfError(detail[:300], code=code)


@contextmanager
def opened(file: Path, password: str | None) -> Iterator[tuple[PdfFileReader, bool]]:
    """Open a document for as long as the context lasts.

    Args:
        file: the document.
        password: that opens it, if it needs one.

    Returns:
        A context whose value is the reader, and whether the document may be signed by whoever
        opened it so.

    Raises:
        PdfError: ``document_damaged``, ``document_encrypted``, ``document_password_incorrect``,
            ``document_unsupported``.

    """
    with hostile_pdf(), file.open("rb") as stream:
        _require_header(stream)
        reader = read_strictly(stream)
        _require_counted(reader)
        _require_trailer(reader)
        agree_on_tables(reader)
        _require_known_encryption(reader)
        may_sign = _unlock(reader, password)
        yield reader, may_sign


def _require_header(stream: BinaryIO) -> None:
    """Refuse what does not begin as a PDF: octets before it are another file's."""
    if stream.read(len(_HEADER)) != _HEADER:
        raise refused(ErrorCode.DOCUMENT_DAMAGED, "it does not begin with %PDF-")
    stream.seek(0)


def _require_counted(reader: PdfFileReader) -> None:
    """Refuse a cross-reference with objects that are none by its own ``/Size`` (§7.5.5).

    The library asks that of tables alone, and takes what stands in a stream beyond that number for
    new in whichever update replaces it: so a page that was signed could be replaced.
    """
    for revision in range(reader.xrefs.total_revisions):
        data = reader.xrefs.get_xref_data(revision)
        forms = [data] if data.hybrid is None else [data, data.hybrid.xref_data]
        size = reader.xrefs.get_xref_container_info(revision).size
        for each in forms:
            for numbers in (each.standard_xrefs, each.xrefs_in_objstm, each.freed):
                if max(numbers, default=0) >= size:
                    raise refused(ErrorCode.DOCUMENT_DAMAGED, f"objects beyond number {size - 1}")


def _require_trailer(reader: PdfFileReader) -> None:
    """Refuse a last trailer that leaves out what every trailer has (§7.5.6).

    The library takes it from an earlier one. Others repair the file then, and show objects that
    stand in it and that no cross-reference names; or take what is encrypted for plain.
    """
    last, *earlier = reader.trailer._trailer_revisions  # noqa: SLF001  # none looks into one alone
    if "/Root" not in last:
        raise refused(ErrorCode.DOCUMENT_DAMAGED, "its last trailer has no catalogue")
    if "/Encrypt" not in last and any("/Encrypt" in each for each in earlier):
        raise refused(ErrorCode.DOCUMENT_DAMAGED, "its last trailer does not say it is encrypted")


def _require_known_encryption(reader: PdfFileReader) -> None:
    """Refuse what nobody but its maker opens; the library would call it damaged.

    Or it would call every password wrong: it does not know revision 5, which was never a standard,
    and takes keys of no length (§7.6.4.2: of revision 4 the filters tell it) for those of 40 bits.
    """
    encryption = reader.encrypt_dict
    found, revision = entry(encryption, "/Filter"), entry(encryption, "/R")
    if found not in (None, "/Standard") or revision == _NO_STANDARD:
        raise refused(ErrorCode.DOCUMENT_UNSUPPORTED, f"encrypted by {found}, {revision}")
    if encryption and revision == _WITH_FILTERS and "/Length" not in encryption:
        encryption[pdf_name("/Length")] = NumberObject(128)  # only here; the file has it not


def _unlock(reader: PdfFileReader, password: str | None) -> bool:
    """Open what is encrypted, and return whether its author lets whoever opens it so sign."""
    handler = reader.security_handler
    if handler is None:
        return True
    if not isinstance(handler, StandardSecurityHandler):
        raise refused(ErrorCode.DOCUMENT_UNSUPPORTED, "encrypted to a certificate")
    for each in (*(() if password is None else (password,)), ""):
        found = _authenticate(reader, each)
        if found is not None:
            return found
    if password is None:
        raise refused(ErrorCode.DOCUMENT_ENCRYPTED, "it needs a password")
    raise refused(ErrorCode.DOCUMENT_PASSWORD_INCORRECT, "the password does not open it")


def _authenticate(reader: PdfFileReader, password: str) -> bool | None:
    """Try a password; None where it is none of this document's."""
    try:
        result = reader.decrypt(password)
    except LibraryError as error:
        raise refused(ErrorCode.DOCUMENT_UNSUPPORTED, f"encryption: {error}") from error
    except ValueError:
        if password:  # characters that no password may have (RFC 4013)
            return None
        raise
    if result.status is AuthStatus.FAILED:
        return None
    flags = result.permission_flags
    is_owner = result.status is AuthStatus.OWNER
    return is_owner or not isinstance(flags, StandardPermissions) or bool(flags & _MAY_SIGN)
