"""Which later updates leave alone what was signed: the library's rules, with one of our own.

The metadata (XMP) is not what a document shows, and editors rewrite it whenever they save. The
library's rule asks whether it is well-formed even where nobody touched it, so that a document whose
maker writes it badly could never be signed twice; and it asks a parser that is not installed here.
"""

from collections.abc import Iterator
from typing import Any, Final
from xml.parsers.expat import ParserCreate

from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.pdf_utils.generic import IndirectObject, StreamObject
from pyhanko.pdf_utils.reader import HistoricalResolver, RawPdfPath
from pyhanko.sign.diff_analysis import (
    DEFAULT_DIFF_POLICY,
    MetadataUpdateRule,
    ModificationLevel,
    StandardDiffPolicy,
    SuspiciousModification,
)
from pyhanko.sign.diff_analysis.rules_api import (
    Context,
    QualifiedWhitelistRule,
    ReferenceUpdate,
    WhitelistRule,
)

_KEY: Final = "/Metadata"
_ROOT: Final = "adobe:ns:meta/ xmpmeta"


class XmpUpdateRule(WhitelistRule):
    """Lets XMP be replaced by XMP; what stands where it stood is not looked into."""

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterator[ReferenceUpdate]:
        """Yield the metadata's object where its update changes nothing that people see.

        Raises:
            SuspiciousModification: what is there now, or was there, is no XMP.

        """
        before, after = _metadata(old), _metadata(new)
        if after is None or (before == after and _stands_still(after, old, new)):
            return
        for found, view in ((after, new), (before, old)):
            if found is not None:
                _require_xmp(found, view)
        reference = after.reference
        if before == after or old.is_ref_unassignable(reference):
            path = Context.from_absolute(old, RawPdfPath("/Root", _KEY))
            yield ReferenceUpdate(reference, context_checked=path)


def _metadata(view: HistoricalResolver) -> Any:
    root = view.root
    return root.raw_get(_KEY) if _KEY in root else None


def _stands_still(found: Any, old: HistoricalResolver, new: HistoricalResolver) -> bool:
    """Return whether an object is in the very same octets of the file as before."""
    if not isinstance(found, IndirectObject):
        return True  # it was compared
    table = new.reader.xrefs
    places = (table.get_historical_ref(found.reference, each.revision) for each in (old, new))
    return len(set(places)) == 1


def _require_xmp(found: Any, view: HistoricalResolver) -> None:
    """Refuse what is no XMP (ISO 16684-1): other objects must not hide behind that name.

    Raises:
        SuspiciousModification: it is none.

    """
    stream = view.get_object(found.reference) if isinstance(found, IndirectObject) else None
    if not isinstance(stream, StreamObject):
        raise SuspiciousModification("/Metadata: no reference to a stream")
    names: list[str] = []
    parser = ParserCreate("utf-8", namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse_types
    parser.StartElementHandler = lambda name, _: names.append(name) if not names else None
    try:
        parser.Parse(bytes(stream.read_data(DecodePurpose.XMP_METADATA)), True)
    except Exception as error:
        raise SuspiciousModification("/Metadata: no XML", error) from error
    if names != [_ROOT]:
        raise SuspiciousModification("/Metadata: no XMP")


def _refuse_types(*_: object) -> None:
    """Refuse declarations: with them a text could be longer than it is.

    Raises:
        ValueError: always.

    """
    raise ValueError("a document type")


def _rules() -> Iterator[QualifiedWhitelistRule]:
    """Return the library's rules, but the one for metadata."""
    for each in DEFAULT_DIFF_POLICY.global_rules:
        rule = getattr(each, "rule", each)
        if not isinstance(rule, MetadataUpdateRule):
            yield each
    yield XmpUpdateRule().as_qualified(ModificationLevel.LTA_UPDATES)


POLICY: Final = StandardDiffPolicy(list(_rules()), DEFAULT_DIFF_POLICY.form_rule)
"""By which updates behind a signature are judged."""
