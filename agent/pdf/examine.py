"""What each signature of a document covers, and what was done to the document since.

Whose it is, and whether that is to be believed, is not judged here: the agent judges certificates.
What only somebody who reads the format can tell is, whether a later update left alone what
was signed: other readers call a document valid whose text was replaced after the signature.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from os import SEEK_END
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from pyhanko.pdf_utils.generic import DictionaryObject, parse_pdf_date
from pyhanko.pdf_utils.misc import PdfError as LibraryError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from agent.pdf.allowed_changes import POLICY
from agent.pdf.hole import Ranges, digests_around
from agent.pdf.integrity import integrity_of
from agent.pdf.objects import entry, items
from agent.pdf.opening import hostile_pdf, opened
from agent.pdf.pdf_facts import facts_of
from agent.pdf.unlisted import last_unlisted
from agent.pdf.wire import Changes, FoundSignature, Integrity, PdfError, PdfExamination

_CHANGES: Final = {
    ModificationLevel.NONE: Changes.NONE,
    ModificationLevel.LTA_UPDATES: Changes.EVIDENCE,
    ModificationLevel.FORM_FILLING: Changes.FORMS,
    ModificationLevel.ANNOTATIONS: Changes.ANNOTATIONS,
    ModificationLevel.OTHER: Changes.OTHER,
}
_WHOLE: Final = (SignatureCoverageLevel.ENTIRE_FILE, SignatureCoverageLevel.ENTIRE_REVISION)
_MAX_TEXT: Final = 255


def examine(file: Path, password: str | None) -> PdfExamination:
    """Look at all signatures of a document.

    Raises:
        PdfError: it cannot be read; nothing is said of any signature then.

    """
    with opened(file, password) as (reader, _):
        signatures = list(_signatures(reader))
        known = _known_of(signatures)
        examined = (_examined(each, known) for each in signatures)
        found = sorted(examined, key=lambda each: each.ends)
        return PdfExamination(
            facts_of(reader),
            reader.total_revisions,
            tuple(found),
            entry(reader.root, "/DSS") is not None,
        )


def harmed_fields(reader: PdfFileReader) -> frozenset[str]:
    """Return the fields whose signatures do not allow what was done to the document since.

    Raises:
        PdfError: the document cannot be read.

    """
    signatures = list(_signatures(reader))
    known = _known_of(signatures)
    found = (_examined(each, known) for each in signatures)
    return frozenset(each.field for each in found if not each.allowed)


_Field: TypeAlias = tuple[PdfFileReader, str, Any]


class _Known(NamedTuple):
    """What is found out for all signatures at once.

    Attributes:
        digests: of what they cover, by the algorithm's name in the library.
        unlisted: where the last thing ends that readers take for an object when they repair the
            file, and only then; 0 for none that is behind a signature.

    """

    digests: Mapping[tuple[str, Ranges], bytes]
    unlisted: int


def _signatures(reader: PdfFileReader) -> Iterator[_Field]:
    for name, _, field in enumerate_sig_fields(reader, filled_status=True):
        yield reader, str(name), field.get_object()


def _known_of(signatures: Sequence[_Field]) -> _Known:
    """Hash what all of them cover at once: the library reads the whole file for each."""
    wanted: dict[str, list[Ranges]] = {}
    for reader, name, field in signatures:
        with suppress(PdfError), hostile_pdf():
            found = EmbeddedPdfSignature(reader, field, name)
            wanted.setdefault(found.external_md_algorithm, []).append(_ranges(found))
    known: dict[tuple[str, Ranges], bytes] = {}
    for algorithm, ranges in wanted.items():
        # one that the library knows by another name, or nobody, or whose digests have any length
        with suppress(ValueError, TypeError):
            known |= {
                (algorithm, each): digest
                for each, digest in digests_around(
                    signatures[0][0].stream, ranges, algorithm
                ).items()
            }
    ends = [sum(each[2:]) for ranges in wanted.values() for each in ranges]
    return _Known(known, last_unlisted(signatures[0][0], min(ends)) if ends else 0)


def _examined(found: _Field, known: _Known) -> FoundSignature:
    """Look at one signature; one that cannot be read at all is one that fits nothing.

    The others are told all the same.
    """
    reader, name, field = found
    try:
        with hostile_pdf():
            described = _describe(EmbeddedPdfSignature(reader, field, name), name, field, known)
            # what the other side would not take must not take the other signatures with it
            return msgspec.json.decode(msgspec.json.encode(described), type=FoundSignature)
    except PdfError as error:
        return FoundSignature(
            field=_harmless(name),
            integrity=Integrity(_harmless(f"it cannot be read ({error.detail})")),
            ranges=(0, 0, 0, 0),
            revision=1,
            covers=False,
            changes=Changes.OTHER,
            allowed=False,
            begins=0,
            ends=0,
        )


def _describe(
    found: EmbeddedPdfSignature, name: str, field: DictionaryObject, known: _Known
) -> FoundSignature:
    kind = _text(found.sig_object, "/SubFilter") or ""
    ranges = _ranges(found)
    algorithm = found.external_md_algorithm
    if (algorithm, ranges) in known.digests:
        found.external_digests[algorithm] = known.digests[algorithm, ranges]
    found.compute_integrity_info(POLICY)
    facts = found.summarise_integrity_info()
    signature = found.sig_object
    difference: object = found.diff_result
    level = ModificationLevel.OTHER
    if isinstance(difference, DiffResult):
        level = difference.modification_level
    _, _, second, rest = ranges
    is_shadowed = known.unlisted > second + rest
    return FoundSignature(
        field=_harmless(name),
        integrity=integrity_of(found, kind),
        ranges=ranges,
        revision=found.signed_revision + 1,
        covers=facts["coverage"] in _WHOLE and _leaves_out_itself(found),
        changes=Changes.OTHER if is_shadowed else _CHANGES[level],
        allowed=bool(facts["docmdp_ok"]) and not is_shadowed,
        begins=_begin(found),
        ends=second + rest,
        is_timestamp=found.sig_object_type == "/DocTimeStamp",
        kind=kind,
        time=_time(signature),
        reason=_text(signature, "/Reason"),
        location=_text(signature, "/Location"),
        visible=_is_visible(field),
    )


def _ranges(found: EmbeddedPdfSignature) -> Ranges:
    """Return what it covers, before anybody reads a long file many times for nothing.

    Raises:
        ValueError: they are not two, one behind the other, within the file.

    """
    size = found.reader.stream.seek(0, SEEK_END)
    values = [int(each) for each in islice(found.byte_range, 5)]
    if len(values) != 4 or not 0 <= values[0] <= sum(values[:2]) <= values[2] <= sum(values[2:]):
        raise ValueError("/ByteRange: no two ranges")
    if min(values) < 0 or sum(values[2:]) > size:
        raise ValueError("/ByteRange: not within the file")
    start, length, second, rest = values
    return start, length, second, rest


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
    try:
        own = bytes.fromhex(b"".join(digits).decode("ascii"))
    except ValueError:
        return False
    return not first and hole[:1] + hole[-1:] == b"<>" and own == bytes(found.pkcs7_content)


def _text(node: DictionaryObject, key: str) -> str | None:
    if key not in node:
        return None
    return _harmless(str(node[key]))


def _harmless(text: str) -> str:
    """Return a text that has a form in UTF-8, and is no longer than it may be."""
    return text[:_MAX_TEXT].encode(errors="replace").decode()


def _time(signature: DictionaryObject) -> str | None:
    """Return ``/M`` (ISO 32000-1 §7.9.4) in RFC 3339; None where it is no date, or has no zone."""
    try:
        found = parse_pdf_date(signature["/M"], strict=False)
    except (ValueError, TypeError, LookupError, AttributeError, LibraryError):
        return None
    return None if found.tzinfo is None else found.isoformat(timespec="seconds")


def _is_visible(field: DictionaryObject) -> bool:
    """Return whether the field's one widget has an area (§12.5.5)."""
    try:
        left, bottom, right, top = (float(each) for each in items(entry(field, "/Rect")))
    except (TypeError, ValueError, ArithmeticError):
        return False
    return left != right and bottom != top
