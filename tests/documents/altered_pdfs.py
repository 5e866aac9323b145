"""What forgers and later editors do to signed PDFs, and what each signature is worth then."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from asn1crypto import cms
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, NumberObject, pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import FieldMDPAction, FieldMDPSpec, MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import SigMDPSetup

from agent.documents.pdf_verification import PdfVerdict
from tests.documents.pdf_files import HEADER, assembled, simple_pdf, stream
from tests.documents.refused_pdfs import form, update
from tests.documents.signed_pdfs import (
    SECOND,
    TEXT,
    Holder,
    later,
    of_curve,
    once,
    signed,
    twice,
    with_evidence,
    with_timestamp,
)
from tests.signing import pki_support as pki

RANGE: Final = re.compile(rb"/ByteRange \[[^\]]*\] *")
CONTENTS: Final = re.compile(rb"/Contents <([0-9A-Fa-f]+)>")
VALID, CHANGED, INVALID = PdfVerdict.VALID, PdfVerdict.CHANGED, PdfVerdict.INVALID


@dataclass(frozen=True)
class Altered:
    """A document, and what its signatures are worth, in the order of their revisions.

    Attributes:
        make: makes it.
        verdicts: of each signature.
        says: what the problem or the changes of the first one say, in part.

    """

    make: Callable[[], bytes]
    verdicts: tuple[PdfVerdict, ...]
    says: str = ""


def place(pattern: re.Pattern[bytes], raw: bytes, group: int = 0) -> tuple[int, int]:
    found = pattern.search(raw)
    assert found is not None
    return found.span(group)


def with_ranges(*values: int | bytes, raw: bytes | None = None) -> bytes:
    """Return the signed document with other ranges, in as many octets."""
    raw = raw or once()
    start, end = place(RANGE, raw)
    words = b" ".join(each if isinstance(each, bytes) else b"%d" % each for each in values)
    new = b"/ByteRange [%b]" % words
    assert len(new) <= end - start, "no room"
    return raw[:start] + new.ljust(end - start) + raw[end:]


def ranges_of(raw: bytes) -> list[int]:
    start, end = place(RANGE, raw)
    return list(map(int, re.findall(rb"\d+", raw[start:end])))


def shifted(*by: int) -> Callable[[], bytes]:
    def make() -> bytes:
        return with_ranges(*(a + b for a, b in zip(ranges_of(once()), by, strict=True)))

    return make


def with_contents(change: Callable[[bytes], bytes]) -> Callable[[], bytes]:
    """Return what makes the signed document with other octets as its signature."""

    def make() -> bytes:
        raw = once()
        start, end = place(CONTENTS, raw, 1)
        new = change(bytes.fromhex(raw[start:end].decode())).hex().encode()
        assert len(new) == end - start
        return raw[:start] + new + raw[end:]

    return make


def replaced(old: bytes, new: bytes) -> Callable[[], bytes]:
    def make() -> bytes:
        assert len(old) == len(new)
        assert old in once()
        return once().replace(old, new, 1)

    return make


def ends_in(octets: bytes) -> Callable[[bytes], bytes]:
    return lambda contents: contents[: -len(octets)] + octets


# --- what is added in an update ----------------------------------------------------------------


def first_page(writer: IncrementalPdfFileWriter) -> Any:
    return writer.root["/Pages"]["/Kids"][0].get_object()


def numbers(*values: int) -> ArrayObject:
    return ArrayObject(map(NumberObject, values))


def more_text(writer: IncrementalPdfFileWriter) -> None:
    page = first_page(writer)
    text = generic.StreamObject(stream_data=b"BT /F1 30 Tf 72 600 Td (PAY 1000000) Tj ET")
    page["/Contents"] = ArrayObject([page.raw_get("/Contents"), writer.add_object(text)])
    writer.update_container(page)


def another_box(writer: IncrementalPdfFileWriter) -> None:
    page = first_page(writer)
    page["/CropBox"] = numbers(0, 0, 10, 10)
    writer.update_container(page)


def annotation(kind: str) -> Callable[[IncrementalPdfFileWriter], None]:
    def change(writer: IncrementalPdfFileWriter) -> None:
        page = first_page(writer)
        look = generic.StreamObject(
            {
                pdf_name("/Type"): pdf_name("/XObject"),
                pdf_name("/Subtype"): pdf_name("/Form"),
                pdf_name("/BBox"): numbers(0, 0, 300, 50),
            },
            stream_data=b"1 1 1 rg 0 0 300 50 re f",
        )
        added = DictionaryObject(
            {
                pdf_name("/Type"): pdf_name("/Annot"),
                pdf_name("/Subtype"): pdf_name(kind),
                pdf_name("/F"): NumberObject(4),
                pdf_name("/Rect"): numbers(72, 700, 372, 750),
                pdf_name("/Contents"): generic.pdf_string("x"),
                pdf_name("/AP"): DictionaryObject({pdf_name("/N"): writer.add_object(look)}),
            }
        )
        page["/Annots"] = ArrayObject([writer.add_object(added)])
        writer.update_container(page)

    return change


def unreadable_response(writer: IncrementalPdfFileWriter) -> None:
    """Add an OCSP response that is none, to the evidence that is there."""
    store = writer.root["/DSS"]
    garbage = generic.StreamObject(stream_data=b"garbage")
    store["/OCSPs"] = ArrayObject([writer.add_object(garbage)])
    writer.update_container(store)


def another_page(writer: IncrementalPdfFileWriter) -> None:
    pages = writer.root["/Pages"]
    page = writer.add_object(DictionaryObject(pages["/Kids"][0].get_object()))
    pages["/Kids"].append(page)
    pages["/Count"] = NumberObject(pages["/Count"] + 1)
    writer.update_container(pages)


def script(writer: IncrementalPdfFileWriter) -> None:
    action = {pdf_name("/S"): pdf_name("/JavaScript"), pdf_name("/JS"): generic.pdf_string("x")}
    writer.root["/OpenAction"] = DictionaryObject(action)
    writer.update_root()


def no_signature(writer: IncrementalPdfFileWriter) -> None:
    """Take the signature's field out of the form, as if there had never been one."""
    writer.root["/AcroForm"]["/Fields"] = ArrayObject()
    writer.update_container(writer.root["/AcroForm"])


# --- shadow attacks: prepared before the signature, sprung after it ------------------------------

_COVER: Final = b"/Type/XObject/Subtype/Form/BBox[0 0 300 50]"
_OTHER_TEXT: Final = stream(b"BT /F1 24 Tf 72 720 Td (Pay 9 000 000) Tj ET")
_HIDDEN_AT: Final = len(HEADER)


def _shadowed(*more: bytes, start: bytes = HEADER) -> bytes:
    """Return a page whose text (5) has a cover (6), which is drawn over it (7)."""
    return assembled(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[4 0 R]/Count 1>>",
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents[5 0 R 7 0 R]%b>>"
            % b"/Resources<</Font<</F1 3 0 R>>/XObject<</Ov 6 0 R>>>>",
            stream(b"BT /F1 24 Tf 72 720 Td (Pay 100) Tj ET"),
            stream(b"1 1 1 rg 0 0 300 50 re f", _COVER),
            stream(b"q 1 0 0 1 72 600 cm /Ov Do Q"),
            *more,
        ],
        start=start,
    )


def hide() -> bytes:
    return update(signed(_shadowed()), 6, stream(b" ", _COVER))


def replace_text() -> bytes:
    return update(signed(_shadowed()), 5, _OTHER_TEXT)


def replace_font() -> bytes:
    return update(signed(_shadowed()), 3, b"<</Type/Font/Subtype/Type1/BaseFont/Symbol>>")


def other_tree() -> bytes:
    """Sign a document that has a second page tree (8), and make it the first one."""
    raw = signed(
        _shadowed(
            b"<</Type/Pages/Kids[9 0 R]/Count 1>>",
            b"<</Type/Page/Parent 8 0 R/MediaBox[0 0 595 842]/Contents 10 0 R"
            b"/Resources<</Font<</F1 3 0 R>>>>>>",
            _OTHER_TEXT,
        )
    )
    form_entry = re.findall(rb"/AcroForm \d+ 0 R", raw)[-1]
    return update(raw, 1, b"<</Type/Catalog/Pages 8 0 R%b>>" % form_entry)


def hide_and_replace() -> bytes:
    """Sign a document that has its text twice, and let a table point to the other one."""
    raw = signed(_shadowed(start=HEADER + b"5 0 obj\n%b\nendobj\n" % _OTHER_TEXT))
    start = re.findall(rb"startxref\s+(\d+)", raw)[-1]
    size = max(map(int, re.findall(rb"/Size (\d+)", raw)))
    table = b"xref\n5 1\n%010d 00000 n \ntrailer\n" % _HIDDEN_AT
    table += b"<</Size %d/Root 1 0 R/Prev %b>>\nstartxref\n%d\n%%%%EOF\n" % (size, start, len(raw))
    return raw + table


def behind(octets: bytes) -> Callable[[], bytes]:
    """Return what makes the signed document with something that no table names behind its end."""
    return lambda: once() + octets


# --- forms, permissions, signers -----------------------------------------------------------------


def filled_in(permission: MDPPerm | None = None, lock: FieldMDPSpec | None = None) -> bytes:
    """Sign a document that has a text field, and fill it in."""
    raw = form(
        b"6 0 R",
        b"<</FT/Tx/T(place)/V()/Type/Annot/Subtype/Widget/Rect[9 9 99 99]/P 4 0 R/DA(/F1 9 Tf)>>",
        page=b"/Annots[6 0 R]",
    )
    mdp = SigMDPSetup(
        "sha256", certify=permission is not None, docmdp_perms=permission, field_lock=lock
    )
    raw = signed(raw, mdp=mdp)

    def change(writer: IncrementalPdfFileWriter) -> None:
        field = writer.root["/AcroForm"]["/Fields"][0].get_object()
        field["/V"] = generic.pdf_string("Taipei")
        writer.update_container(field)

    return later(raw, change)


def certified(permission: MDPPerm) -> bytes:
    return signed(mdp=SigMDPSetup("sha256", certify=True, docmdp_perms=permission))


def locked_all() -> bytes:
    """Return a document whose signature locks all of its fields, those to come as well."""
    lock = FieldMDPSpec(FieldMDPAction.ALL)
    return signed(mdp=SigMDPSetup("sha256", field_lock=lock))


def by(holder: Callable[[], Holder], **more: Any) -> Callable[[], bytes]:
    return lambda: signed(by=holder(), **more)


def issued(serial: int, **certificate: Any) -> Callable[[], Holder]:
    return lambda: Holder.of(pki.citizen_key(), serial=serial, **certificate)


def without_certificates(message: cms.ContentInfo) -> bytes:
    message["content"]["certificates"] = []
    return message.dump(force=True)


def two_signers(message: cms.ContentInfo) -> bytes:
    infos = message["content"]["signer_infos"]
    infos.append(infos[0].copy())
    return message.dump(force=True)


def no_signer(message: cms.ContentInfo) -> bytes:
    message["content"]["signer_infos"] = []
    return message.dump(force=True)


def other_certificate(message: cms.ContentInfo) -> bytes:
    """Name another certificate of the same key, number and issuer: a substitution."""
    other = Holder.of(pki.citizen_key(), usage=("content_commitment",))
    message["content"]["certificates"] = [cms.CertificateChoices.load(other.certificate)]
    return message.dump(force=True)


def unknown_hash(message: cms.ContentInfo) -> bytes:
    """Name a digest algorithm that nobody knows."""
    info = message["content"]["signer_infos"][0]
    info["digest_algorithm"] = {"algorithm": "1.2.3.4.5"}
    return message.dump(force=True)


def endless_hash(message: cms.ContentInfo) -> bytes:
    """Name a digest algorithm whose digests are as long as one likes."""
    info = message["content"]["signer_infos"][0]
    info["digest_algorithm"] = {"algorithm": "shake256"}
    return message.dump(force=True)


def contained(message: cms.ContentInfo) -> bytes:
    message["content"]["encap_content_info"]["content"] = b"contained"
    return message.dump(force=True)


def garbage(_message: cms.ContentInfo) -> bytes:
    return b"no signature at all"


def nested(_message: cms.ContentInfo) -> bytes:
    """Return octets that are 3000 sequences, each in the one before."""
    raw = b""
    for _ in range(1500):
        length = len(raw)
        raw = b"\x30\x82" + length.to_bytes(2, "big") + raw
    return raw


def unreadable(kind: bytes) -> Callable[[], bytes]:
    """Return what makes a document whose one signature is of a wrong kind altogether."""
    return lambda: form(
        b"6 0 R", b"<</FT/Sig/T(a)/Type/Annot/Subtype/Widget/Rect[0 0 0 0]/V %b>>" % kind
    )


_SIGNED_PART: Final = b"/Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached"

ALTERED: Final[dict[str, Altered]] = {
    "untouched": Altered(once, (VALID,)),
    "a second signature": Altered(twice, (VALID, VALID), "forms"),
    "evidence": Altered(lambda: with_evidence(once()), (VALID,), "evidence"),
    "evidence, of which some is garbage": Altered(
        lambda: later(with_evidence(once()), unreadable_response), (VALID,), "evidence"
    ),
    "a document timestamp": Altered(lambda: with_timestamp(once()), (VALID, VALID), "evidence"),
    "evidence and a timestamp": Altered(
        lambda: with_timestamp(with_evidence(once())), (VALID, VALID), "evidence"
    ),
    "a form filled in": Altered(filled_in, (VALID,), "forms"),
    "a form filled in, certified for it": Altered(
        lambda: filled_in(MDPPerm.FILL_FORMS), (VALID,), "forms"
    ),
    "a form filled in, certified for nothing": Altered(
        lambda: filled_in(MDPPerm.NO_CHANGES), (CHANGED,)
    ),
    "a locked field filled in": Altered(
        lambda: filled_in(lock=FieldMDPSpec(FieldMDPAction.ALL)), (CHANGED,)
    ),
    "certified for nothing": Altered(lambda: certified(MDPPerm.NO_CHANGES), (VALID,)),
    "certified for nothing, then evidence": Altered(
        lambda: with_evidence(certified(MDPPerm.NO_CHANGES)), (VALID,), "evidence"
    ),
    "certified for forms, then signed": Altered(
        lambda: signed(certified(MDPPerm.FILL_FORMS), SECOND), (VALID, VALID), "forms"
    ),
    "certified for nothing, then signed": Altered(
        lambda: signed(certified(MDPPerm.NO_CHANGES), SECOND), (CHANGED, VALID)
    ),
    "certified for annotations, then annotated": Altered(
        lambda: later(certified(MDPPerm.ANNOTATE), annotation("/FreeText")), (CHANGED,)
    ),
    "text added": Altered(lambda: later(once(), more_text), (CHANGED,), "other"),
    "text added between two": Altered(
        lambda: signed(later(once(), more_text), SECOND), (CHANGED, VALID), "other"
    ),
    "text added after two": Altered(lambda: later(twice(), more_text), (CHANGED, CHANGED), "other"),
    "the page cropped": Altered(lambda: later(once(), another_box), (CHANGED,), "other"),
    "a page added": Altered(lambda: later(once(), another_page), (CHANGED,), "other"),
    "a script added": Altered(lambda: later(once(), script), (CHANGED,), "other"),
    "a free text annotation": Altered(lambda: later(once(), annotation("/FreeText")), (CHANGED,)),
    "a square annotation": Altered(lambda: later(once(), annotation("/Square")), (CHANGED,)),
    "a stamp": Altered(lambda: later(once(), annotation("/Stamp")), (CHANGED,)),
    "the second one taken away": Altered(lambda: later(twice(), no_signature), ()),
    "shadow: hide": Altered(hide, (CHANGED,), "other"),
    "shadow: replace the text": Altered(replace_text, (CHANGED,), "other"),
    "shadow: replace the font": Altered(replace_font, (CHANGED,), "other"),
    "shadow: another page tree": Altered(other_tree, (CHANGED,), "other"),
    "shadow: hide and replace": Altered(hide_and_replace, (CHANGED,), "other"),
    "octets behind the end": Altered(lambda: once() + b"\n% harmless\n", (VALID,)),
    "an object behind the end": Altered(
        behind(b"5 0 obj\n" + _OTHER_TEXT + b"\nendobj\n"), (CHANGED,), "other"
    ),
    "an object behind the end, with gaps": Altered(
        behind(b"\r5" + 300 * b" " + b"0\n%5 \n\tobj" + _OTHER_TEXT), (CHANGED,), "other"
    ),
    "an object between two": Altered(
        lambda: signed(update(behind(b"5 0 obj<<>>endobj\n")(), 90, b"null"), SECOND),
        (CHANGED, VALID),
        "other",
    ),
    "a trailer behind the end": Altered(behind(b"trailer<</Root 5 0 R>>\n"), (CHANGED,), "other"),
    "an object behind the end, with a comment": Altered(
        behind(b"5 0 %x\nobj<<>>endobj\n"), (CHANGED,), "other"
    ),
    "words behind the end": Altered(behind(b"\n(endobj an obj trailers)\n"), (VALID,)),
    "one octet of the text": Altered(replaced(b"100 TWD", b"900 TWD"), (INVALID,), "not the one"),
    "one octet of a name": Altered(replaced(b"/MediaBox", b"/MediaBoX"), (INVALID,), "not the one"),
    "another day": Altered(replaced(b"20260615", b"20250615"), (INVALID,), "not the one"),
    "no contents": Altered(with_contents(lambda raw: bytes(len(raw))), (INVALID,)),
    "contents of ones": Altered(with_contents(lambda raw: b"\xff" * len(raw)), (INVALID,)),
    "garbage behind the signature": Altered(
        with_contents(ends_in(b"garbage")), (INVALID,), "padding"
    ),
    "one octet of the signature": Altered(
        with_contents(lambda raw: raw[:300] + bytes([raw[300] ^ 1]) + raw[301:]), (INVALID,)
    ),
    "no key /Contents": Altered(replaced(b"/Contents <", b"/Kontents <"), (INVALID,)),
    "no key /ByteRange": Altered(replaced(b"/ByteRange", b"/ByteRang3"), (INVALID,)),
    "ranges of nothing": Altered(lambda: with_ranges(0, 0, 0, 0), (INVALID,)),
    "no ranges": Altered(with_ranges, (INVALID,), "ByteRange"),
    "one range": Altered(lambda: with_ranges(0, 99), (INVALID,), "ByteRange"),
    "five numbers": Altered(lambda: with_ranges(0, 9, 9, 9, 9), (INVALID,), "ByteRange"),
    "six numbers": Altered(lambda: with_ranges(0, 9, 9, 9, 9, 9), (INVALID,), "ByteRange"),
    "ranges that are names": Altered(lambda: with_ranges(b"/a", b"/b", b"/c", b"/d"), (INVALID,)),
    "ranges that are fractions": Altered(lambda: with_ranges(0, b"9.5", 99, b"1.5"), (INVALID,)),
    "a negative start": Altered(lambda: with_ranges(-1, 99, 200, 9), (INVALID,), "ByteRange"),
    "a negative length": Altered(lambda: with_ranges(0, -1, 200, 9), (INVALID,), "ByteRange"),
    "a huge length": Altered(lambda: with_ranges(0, 99, 99, 10**9), (INVALID,), "ByteRange"),
    "ranges that overlap": Altered(lambda: with_ranges(0, 500, 400, 600), (INVALID,), "ByteRange"),
    "a hole that is wider before": Altered(shifted(0, -20, 0, 0), (INVALID,), "not the one"),
    "a hole that is wider behind": Altered(shifted(0, 0, 20, -20), (INVALID,), "not the one"),
    "a gap that is shifted": Altered(shifted(0, 1, 1, -1), (INVALID,)),
    "the end left out": Altered(shifted(0, 0, 0, -1), (INVALID,), "not the one"),
    "the beginning left out": Altered(shifted(1, -1, 0, 0), (INVALID,), "not the one"),
    "another kind": Altered(
        replaced(b"/ETSI.CAdES.detached", b"/ETSI.XAdES.detached"), (INVALID,), "kind"
    ),
    "a timestamp by its kind only": Altered(
        replaced(b"/SubFilter /ETSI.CAdES.detached", b"/SubFilter /ETSI.RFC3161       "), (INVALID,)
    ),
    "/adbe.pkcs7.detached": Altered(
        lambda: signed(subfilter=SigSeedSubFilter.ADOBE_PKCS7_DETACHED), (VALID,)
    ),
    "/adbe.pkcs7.sha1": Altered(
        replaced(b"/SubFilter /ETSI.CAdES.detached", b"/SubFilter /adbe.pkcs7.sha1    "),
        (INVALID,),
        "kind",
    ),
    "SHA-1": Altered(lambda: signed(hash_name="sha1"), (INVALID,), "sha1"),
    "SHA-384": Altered(lambda: signed(hash_name="sha384"), (VALID,)),
    "SHA-512": Altered(lambda: signed(hash_name="sha512"), (VALID,)),
    "RSA-1024": Altered(
        by(lambda: Holder.of(pki.rsa_key("short", 1024), serial=0x1024)), (INVALID,), "1024"
    ),
    "PSS": Altered(lambda: signed(pss=True), (VALID,)),
    "P-256": Altered(by(lambda: of_curve(ec.SECP256R1)), (VALID,)),
    "P-384": Altered(by(lambda: of_curve(ec.SECP384R1), hash_name="sha384"), (VALID,)),
    "P-192": Altered(by(lambda: of_curve(ec.SECP192R1)), (INVALID,), "192"),
    "nonRepudiation only": Altered(by(issued(0x5A02, usage=("content_commitment",))), (VALID,)),
    "a certificate for encryption": Altered(by(issued(0x5A03, usage=pki.ENCRYPT)), (INVALID,)),
    "an expired certificate": Altered(
        by(issued(0x5A04, not_after=pki.NOW - pki.DAY)), (PdfVerdict.EXPIRED,)
    ),
    "a certificate of the future": Altered(
        by(issued(0x5A05, not_before=pki.NOW + pki.DAY)), (INVALID,)
    ),
    "a revoked certificate": Altered(by(issued(0xBAD)), (PdfVerdict.REVOKED,)),
    "a revoked certificate, and changed": Altered(
        lambda: later(signed(by=issued(0xBAD)()), more_text), (CHANGED,)
    ),
    "a claim from before the certificate": Altered(
        lambda: signed(at=pki.NOW - 31 * pki.DAY), (PdfVerdict.UNKNOWN,)
    ),
    "a claim from after the certificate": Altered(
        lambda: signed(at=pki.NOW + 400 * pki.DAY), (PdfVerdict.UNKNOWN,)
    ),
    "no certificate": Altered(lambda: signed(mould=without_certificates), (INVALID,)),
    "another certificate": Altered(lambda: signed(mould=other_certificate), (INVALID,)),
    "no signer": Altered(lambda: signed(mould=no_signer), (INVALID,)),
    "two signers": Altered(lambda: signed(mould=two_signers), (INVALID,)),
    "an unknown hash": Altered(lambda: signed(mould=unknown_hash), (INVALID,)),
    "a hash of any length, of a second one": Altered(
        lambda: signed(once(), SECOND, mould=endless_hash), (VALID, INVALID), "forms"
    ),
    "Ed25519": Altered(
        by(lambda: Holder.of(ed25519.Ed25519PrivateKey.generate()), hash_name="sha512"), (VALID,)
    ),
    "brainpool": Altered(by(lambda: of_curve(ec.BrainpoolP256R1)), (VALID,)),
    "content within": Altered(lambda: signed(mould=contained), (INVALID,)),
    "garbage": Altered(lambda: signed(mould=garbage), (INVALID,)),
    "3000 sequences": Altered(lambda: signed(mould=nested), (INVALID,)),
    "a number as signature": Altered(unreadable(b"7"), (INVALID,)),
    "a name as signature": Altered(unreadable(b"/a"), (INVALID,)),
    "an empty CMS": Altered(
        unreadable(b"<<%b/ByteRange[0 1 2 3]/Contents<>>>" % _SIGNED_PART), (INVALID,)
    ),
    "5000 ranges": Altered(
        unreadable(b"<<%b/ByteRange[%b]/Contents<00>>>" % (_SIGNED_PART, b"0 500 " * 5000)),
        (INVALID,),
    ),
    "unsigned": Altered(lambda: simple_pdf(TEXT), ()),
}
"""What is done, and what every signature is worth."""
