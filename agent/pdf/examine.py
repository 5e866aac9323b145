"""What each signature of a document covers, and what was done to the document since.

Whose it is, and whether that is to be believed, is not judged here: the agent judges certificates.
What only somebody who reads the format can tell is, whether a later update left alone what
was signed: other readers call a document valid whose text was replaced after the signature.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pyhanko.pdf_utils.generic import DictionaryObject, parse_pdf_date
from pyhanko.pdf_utils.misc import PdfError as LibraryError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from agent.pdf.inspect import facts_of
from agent.pdf.integrity import integrity_of
from agent.pdf.opening import opened
from agent.pdf.wire import Changes, FoundSignature, Integrity, PdfExamination

_CHANGES: Final = {
    ModificationLevel.NONE: Changes.NONE,
    ModificationLevel.LTA_UPDATES: Changes.EVIDENCE,
    ModificationLevel.FORM_FILLING: Changes.FORMS,
    ModificationLevel.ANNOTATIONS: Changes.ANNOTATIONS,
    ModificationLevel.OTHER: Changes.OTHER,
}
_WHOLE: Final = (SignatureCoverageLevel.ENTIRE_FILE, SignatureCoverageLevel.ENTIRE_REVISION)
_MAX_TEXT: Final = 255
_UNREADABLE: Final = (
    *(ValueError, TypeError, LookupError, AttributeError, AssertionError, LibraryError),
)


def examine(file: Path, password: str | None) -> PdfExamination:
    """Look at all signatures of a document.

    Raises:
        PdfError: it cannot be read; nothing is said of any signature then.

    """
    with opened(file, password) as (reader, _):
        found = sorted(map(_examined, _signatures(reader)), key=lambda each: each.ends)
        return PdfExamination(facts_of(reader), reader.total_revisions, tuple(found))


def harmed_fields(reader: PdfFileReader) -> frozenset[str]:
    """Return the fields whose signatures do not allow what was done to the document since.

    Raises:
        PdfError: the document cannot be read.

    """
    found = map(_examined, _signatures(reader))
    return frozenset(each.field for each in found if not each.allowed)


def _signatures(reader: PdfFileReader) -> Iterator[tuple[PdfFileReader, str, Any]]:
    for name, _, field in enumerate_sig_fields(reader, filled_status=True):
        yield reader, str(name), field.get_object()


def _examined(found: tuple[PdfFileReader, str, Any]) -> FoundSignature:
    """Look at one signature; one that cannot be read at all is one that fits nothing."""
    reader, name, field = found
    try:
        return _describe(EmbeddedPdfSignature(reader, field, name), name, field)
    except _UNREADABLE as error:
        return FoundSignature(
            field=name[:_MAX_TEXT],
            integrity=Integrity(f"{type(error).__name__}: {error}"[:_MAX_TEXT]),
            ranges=(0, 0, 0, 0),
            revision=1,
            covers=False,
            changes=Changes.OTHER,
            allowed=False,
            begins=0,
            ends=0,
        )


def _describe(found: EmbeddedPdfSignature, name: str, field: DictionaryObject) -> FoundSignature:
    kind = _text(found.sig_object, "/SubFilter") or ""
    found.compute_integrity_info()
    facts = found.summarise_integrity_info()
    signature = found.sig_object
    difference: object = found.diff_result
    level = ModificationLevel.OTHER
    if isinstance(difference, DiffResult):
        level = difference.modification_level
    start, length, second, rest = (int(each) for each in found.byte_range)
    return FoundSignature(
        field=name[:_MAX_TEXT],
        integrity=integrity_of(found, kind),
        ranges=(start, length, second, rest),
        revision=found.signed_revision + 1,
        covers=facts["coverage"] in _WHOLE and _leaves_out_itself(found),
        changes=_CHANGES[level],
        allowed=bool(facts["docmdp_ok"]),
        begins=_begin(found),
        ends=second + rest,
        is_timestamp=found.sig_object_type == "/DocTimeStamp",
        kind=kind,
        time=_time(signature),
        reason=_text(signature, "/Reason"),
        location=_text(signature, "/Location"),
        visible=_is_visible(field),
    )


def _begin(found: EmbeddedPdfSignature) -> int:
    """Return the offset of the first object of the signed revision."""
    table, revision = found.reader.xrefs, found.signed_revision
    added = table.explicit_refs_in_revision(revision)
    places = (table.get_historical_ref(each, revision) for each in added)
    return min((each for each in places if isinstance(each, int)), default=0)


def _leaves_out_itself(found: EmbeddedPdfSignature) -> bool:
    """Return whether the octets that are not signed are the signature's own digits, and no more."""
    first, length, second, _ = (int(each) for each in found.byte_range)
    stream = found.reader.stream
    stream.seek(length)
    hole = stream.read(second - length)
    digits = hole[1:-1].split()  # white space may stand between digits (ISO 32000-1 §7.3.4.3)
    own = bytes.fromhex(b"".join(digits).decode("ascii"))
    return not first and hole[:1] + hole[-1:] == b"<>" and own == bytes(found.pkcs7_content)


def _text(node: DictionaryObject, key: str) -> str | None:
    if key not in node:
        return None
    return str(node[key])[:_MAX_TEXT]


def _time(signature: DictionaryObject) -> str | None:
    """Return ``/M`` (ISO 32000-1 §7.9.4) in RFC 3339; None where it is no date, or has no zone."""
    try:
        found = parse_pdf_date(signature["/M"], strict=False)
    except (ValueError, TypeError, LookupError, AttributeError, LibraryError):
        return None
    return None if found.tzinfo is None else found.isoformat(timespec="seconds")


def _is_visible(field: DictionaryObject) -> bool:
    """Return whether the field's one widget has an area (§12.5.5)."""
    if "/Rect" not in field:
        return False
    left, bottom, right, top = (float(each) for each in field["/Rect"])
    return left != right and bottom != top
