"""What a document is: its pages, its signatures, and why it may look different later."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from pyhanko.pdf_utils.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    StreamObject,
    TextStringObject,
    pdf_name,
)
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm, enumerate_sig_fields
from pyhanko.sign.validation.pdf_embedded import read_certification_data

from agent.errors import ErrorCode
from agent.pdf.objects import entry, items
from agent.pdf.opening import opened, refused
from agent.pdf.shown_page import SMALLEST_SIDE
from agent.pdf.wire import MAX_FIELDS, MAX_PAGES, MAX_SIGNATURES, PdfFacts, PdfWarning
from agent.size_limits import MAX_PDF

_MAX_NAME: Final = 255
"""Characters of a field's name that may be chosen."""
_MAX_DEPTH: Final = 64
_MAX_ACTIONS: Final = 64
"""That follow each other; more are a loop."""
_RUNNING: Final = frozenset(
    {"/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/Rendition", "/Hide", "/SetOCGState"}
)
"""What an annotation that is clicked can do beyond showing another place (ISO 32000-1 §12.6.4)."""
_OPAQUE: Final = frozenset(
    {"/FreeText", "/Stamp", "/Redact", "/Screen", "/Movie", "/RichMedia", "/3D", "/Watermark"}
)
_FILLED: Final = frozenset({"/Square", "/Circle", "/Polygon"})
"""Annotations that hide what is below them where they have an inner colour (§12.5.6)."""
_UNSEEN: Final = 0b100010
"""Flags: hidden, or never on a screen (§12.5.3)."""
_CORNERS: Final = 4


def inspect(file: Path, password: str | None) -> PdfFacts:
    """Say what a document is; refuse one that cannot be signed.

    Raises:
        PdfError: the code says why it is not taken.

    """
    if file.stat().st_size > MAX_PDF:
        raise refused(ErrorCode.TOO_LARGE, f"a PDF has at most {MAX_PDF} bytes")
    with opened(file, password) as (reader, may_sign):
        facts = facts_of(reader)
        require_signable(reader, may_sign=may_sign)
        return facts


def facts_of(reader: PdfFileReader) -> PdfFacts:
    """Return the facts of a document that is open.

    Raises:
        PdfError: it is damaged, or readers would show different things.

    """
    root = reader.root
    if entry(root, "/NeedsRendering"):
        raise refused(ErrorCode.DOCUMENT_UNSUPPORTED, "a dynamic XFA form")
    pages = list(_pages(root))
    fields = list(form_fields(root))
    empty = [str(name) for name, _, _ in enumerate_sig_fields(reader, filled_status=False)]
    filled = sum(1 for _ in enumerate_sig_fields(reader, filled_status=True))
    if filled + len(empty) > MAX_SIGNATURES:
        raise refused(ErrorCode.DOCUMENT_UNSUPPORTED, f"more than {MAX_SIGNATURES} signatures")
    return PdfFacts(
        pages=len(pages),
        signatures=filled,
        fields=tuple(_usable(reader)),
        encrypted=reader.security_handler is not None,
        warnings=tuple(_warnings(root, pages, fields)),
    )


def _usable(reader: PdfFileReader) -> Iterator[str]:
    """Return the names of the empty signature fields that can be told from all others."""
    found = list(enumerate_sig_fields(reader))
    times = Counter(str(name) for name, _, _ in found)
    for name, _, reference in found:
        is_name = isinstance(name, str) and 0 < len(name) <= _MAX_NAME and name.isprintable()
        node = reference.get_object()
        # one that is there and null is neither filled, nor empty for everybody
        if is_name and times[name] == 1 and "/V" not in node and _has_room(node):
            yield str(name)


def _has_room(field: DictionaryObject) -> bool:
    """Return whether a field's one widget has no area, or one in which something fits."""
    kids = list(items(entry(field, "/Kids")))
    rectangle = entry(kids[0] if len(kids) == 1 else field, "/Rect")
    if rectangle is None:
        return True
    try:
        x, y, other_x, other_y = (float(each) for each in items(rectangle))
    except (TypeError, ValueError, ArithmeticError):
        return False
    sides = (abs(x - other_x), abs(y - other_y))
    return not all(sides) or min(sides) >= SMALLEST_SIDE


def _pages(root: DictionaryObject) -> Iterator[DictionaryObject]:
    """Walk the page tree (ISO 32000-1 §7.7.3), each node once.

    Raises:
        PdfError: it is no tree, has no page, too many, or others than it says.

    """
    found = 0
    for node in _walk(root.raw_get("/Pages"), 2 * MAX_PAGES):
        if "/Kids" in node:
            continue
        found += 1
        if found > MAX_PAGES:
            raise refused(ErrorCode.DOCUMENT_UNSUPPORTED, f"more than {MAX_PAGES} pages")
        yield node
    if found != root["/Pages"]["/Count"] or not found:
        raise refused(ErrorCode.DOCUMENT_DAMAGED, f"{found} pages, not as many as it says")


def form_fields(root: DictionaryObject) -> Iterator[DictionaryObject]:
    """Walk the form's fields (§12.7.3), each once.

    Raises:
        PdfError: they are no tree, or too many.

    """
    fields = entry(entry(root, "/AcroForm"), "/Fields")
    if fields is not None and not isinstance(fields, ArrayObject):
        raise refused(ErrorCode.DOCUMENT_DAMAGED, "/Fields: no array")
    if fields:
        top = DictionaryObject({pdf_name("/Kids"): fields})
        yield from islice(_walk(top, MAX_FIELDS), 1, None)


def _walk(top: Any, limit: int) -> Iterator[DictionaryObject]:
    """Walk a tree whose nodes name those below them in ``/Kids``, from its top.

    Raises:
        PdfError: a node is reached twice, is no dictionary, or there are more than ``limit``.

    """
    seen: set[object] = set()
    count = 0
    waiting = [(top, 0)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, IndirectObject):
            if node.reference in seen:
                raise refused(ErrorCode.DOCUMENT_DAMAGED, "/Kids: a node is reached twice")
            seen.add(node.reference)
            node = node.get_object()
        count += 1
        if not isinstance(node, DictionaryObject) or depth > _MAX_DEPTH or count > limit:
            raise refused(ErrorCode.DOCUMENT_DAMAGED, "/Kids: no tree, or too large a one")
        yield node
        kids = entry(node, "/Kids")
        if isinstance(kids, ArrayObject):
            # as they stand in the array: each is looked up when it is its turn
            waiting.extend((each, depth + 1) for each in reversed(list(kids.iterate())))


def require_signable(reader: PdfFileReader, *, may_sign: bool) -> None:
    """Refuse a document whose author wants nothing added (ISO 32000-1 §7.6.3.2, §12.8.2.2).

    Args:
        reader: of the document.
        may_sign: whether its permissions let whoever opened it sign.

    Raises:
        PdfError: ``document_forbids_signing``, or ``document_damaged``: its form takes no field.

    """
    if not may_sign:
        raise refused(ErrorCode.DOCUMENT_FORBIDS_SIGNING, "its permissions")
    names = (entry(each, "/T") for each in form_fields(reader.root))
    if not all(name is None or isinstance(name, TextStringObject) for name in names):
        raise refused(ErrorCode.DOCUMENT_DAMAGED, "the name of a field is no text")
    certified = read_certification_data(reader)
    if certified is not None and certified.permission is MDPPerm.NO_CHANGES:
        raise refused(ErrorCode.DOCUMENT_FORBIDS_SIGNING, "certified: no changes")


def _warnings(
    root: DictionaryObject, pages: list[DictionaryObject], fields: list[DictionaryObject]
) -> Iterator[PdfWarning]:
    # All is looked at, although one would do: what cannot be read is found before anybody signs,
    # and not when a signature has taken the first one away.
    names = entry(root, "/Names")
    acts = any([*map(_acts, chain((root,), pages, fields)), *map(_reacts, pages)])
    if acts or entry(names, "/JavaScript"):
        yield PdfWarning.SCRIPTS
    if entry(entry(root, "/AcroForm"), "/XFA"):
        yield PdfWarning.FORM_XFA
    if entry(names, "/EmbeddedFiles") or "/AF" in root:
        yield PdfWarning.ATTACHMENTS
    if "/OCProperties" in root:
        yield PdfWarning.LAYERS
    if any([*map(_has_outside_content, pages)]):
        yield PdfWarning.EXTERNAL
    if any([*map(_is_covered, pages)]):
        yield PdfWarning.COVERED


def _acts(node: DictionaryObject) -> bool:
    """Return whether something runs when the document, page or field is opened or used (§12.6)."""
    if "/AA" in node:
        return True
    action = entry(node, "/OpenAction") or entry(node, "/A")
    return any(each not in ("/GoTo", None) for each in _kinds(action))


def _reacts(page: DictionaryObject) -> bool:
    """Return whether something runs when an annotation of a page is used; links lead elsewhere."""
    used = [
        bool(entry(each, "/AA")) or not _RUNNING.isdisjoint(list(_kinds(entry(each, "/A"))))
        for each in items(entry(page, "/Annots"))
    ]
    return any(used)


def _name(node: Any, key: str) -> str | None:
    """Return the name that a dictionary has under a key; None for whatever else it has."""
    found = entry(node, key)
    return found if isinstance(found, NameObject) else None


def _kinds(action: Any) -> Iterator[str | None]:
    """Return the kinds of an action and of those that follow it.

    Raises:
        PdfError: there is no end to them.

    """
    waiting = [action]
    for _ in range(_MAX_ACTIONS):
        if not waiting:
            return
        one = waiting.pop()
        yield _name(one, "/S")
        after = entry(one, "/Next")
        waiting.extend(items(after) if isinstance(after, ArrayObject) else [after] * bool(after))
    raise refused(ErrorCode.DOCUMENT_DAMAGED, "actions without end")


def _is_covered(page: DictionaryObject) -> bool:
    """Return whether annotations can hide what is below them; many readers let them be put away."""
    return any([*map(_covers, items(entry(page, "/Annots")))])


def _covers(annotation: Any) -> bool:
    flags, rectangle = entry(annotation, "/F"), list(items(entry(annotation, "/Rect")))
    is_shown = not (isinstance(flags, int) and flags & _UNSEEN)
    has_area = len(rectangle) == _CORNERS and rectangle[:2] != rectangle[2:]
    kind = _name(annotation, "/Subtype")
    is_opaque = kind in _OPAQUE or (kind in _FILLED and bool(entry(annotation, "/IC")))
    return is_shown and has_area and (is_opaque or _gives_way(annotation))


def _gives_way(annotation: Any) -> bool:
    """Return whether it is an empty signature field that shows something.

    Its signature takes that away, and what is below it comes to light, signed.
    """
    above = entry(annotation, "/Parent")
    kind, value = (entry(annotation, key) or entry(above, key) for key in ("/FT", "/V"))
    shown = entry(entry(annotation, "/AP"), "/N")
    if kind != "/Sig" or value is not None or shown is None:
        return False
    return not isinstance(shown, StreamObject) or bool(shown.data.strip())


def _has_outside_content(page: DictionaryObject) -> bool:
    """Return whether octets of a page are in another file (§7.3.8.2)."""
    contents = entry(page, "/Contents")
    streams = [*items(contents)] if isinstance(contents, ArrayObject) else [contents]
    return any(isinstance(each, StreamObject) and "/F" in each for each in streams)
