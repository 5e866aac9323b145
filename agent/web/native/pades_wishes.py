"""What a page wants of a request with PDFs, checked before anything is done for it."""

from dataclasses import dataclass

from msgspec import UNSET

from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.documents.levels import SignatureLevel
from agent.documents.signing import SignatureWish
from agent.pdf.wire import MarkPlace
from agent.secret import SecretBytes
from agent.signing.model import SignatureFormat
from agent.web.front.refusal import MessageError
from agent.web.native import convert, messages
from agent.web.native.pdf_messages import PadesParams
from agent.words.language import Language


@dataclass(frozen=True, slots=True)
class PdfItem:
    """A PDF that is to be signed.

    Attributes:
        data: the file; None where it was handed over before.
        identifier: of the one that was.
        name: as the citizen is shown it; None where the page does not say.
        wish: how it is signed.
        password: that opens it; None where the page tells none.

    """

    data: bytes | None
    identifier: str | None
    name: str | None
    wish: SignatureWish
    password: SecretBytes | None = None

    @property
    def remark(self) -> str | None:
        """What the page has put into the signature in words: reason and place, a line each."""
        lines = [each for each in (self.wish.reason, self.wish.location) if each]
        return "\n".join(lines) or None


@dataclass(frozen=True, slots=True)
class PadesWishes:
    """A request with PDFs.

    Attributes:
        items: in the page's order; a document is what is signed beside the PDFs.
        format: of these documents.
        certificate: SHA-256 thumbprint of the certificate that must be used; None for any.
        reader: only a card in this reader; None for any.
        signing_time: whether what is signed beside the PDFs says when.

    """

    items: tuple[PdfItem | Document, ...]
    format: SignatureFormat
    certificate: bytes | None
    reader: str | None
    signing_time: bool


def read_wishes(
    params: convert.AnySignParams, top: SignatureLevel, language: Language
) -> PadesWishes:
    """Read a request with PDFs.

    Args:
        params: as they travelled.
        top: the highest level that signatures can have here.
        language: of what is drawn.

    Raises:
        MessageError: what was asked for makes no sense, or cannot be had.

    """
    if params.hash is not HashAlgorithm.SHA256:
        raise MessageError("Expected `SHA-256` of a PDF - at `$.params.hash`")
    if params.nonce is not UNSET or not params.signing_certificate:
        raise MessageError("a PDF has no nonce, and always names its certificate")
    batch = params if isinstance(params, messages.SignBatchParams) else None
    sources = (params,) if isinstance(params, messages.SignParams) else params.items
    items = tuple(_item(each, params, top, language) for each in sources)
    named = [each.identifier for each in items if isinstance(each, PdfItem) and each.identifier]
    if len(set(named)) < len(named):
        raise MessageError("a document is named twice")
    thumbprint = convert.or_none(params.certificate)
    return PadesWishes(
        items,
        SignatureFormat.CMS_DETACHED if batch is None else _format_beside(batch),
        None if thumbprint is None else bytes.fromhex(thumbprint),
        convert.or_none(params.reader),
        params.signing_time,
    )


def _format_beside(batch: messages.SignBatchParams) -> SignatureFormat:
    """Return the one format of what is no PDF.

    Raises:
        MessageError: there are two.

    """
    found = {convert.format_of(each, batch) for each in batch.items} - {SignatureFormat.PADES}
    if len(found) > 1:
        raise MessageError("Expected one format beside `pades`")
    return found.pop() if found else SignatureFormat.CMS_DETACHED


def _item(
    source: messages.SignParams | messages.Item,
    params: convert.AnySignParams,
    top: SignatureLevel,
    language: Language,
) -> PdfItem | Document:
    is_pdf = True
    if isinstance(source, messages.Item) and isinstance(params, messages.SignBatchParams):
        is_pdf = convert.format_of(source, params) is SignatureFormat.PADES
    if not is_pdf:
        if source.document is not UNSET or source.pades is not UNSET:
            raise MessageError("Expected format `pades` - at `$.params.items[...].format`")
        return convert.document(source)
    if source.digest is not UNSET or (source.data is UNSET) == (source.document is UNSET):
        raise MessageError("Expected either data or document of a PDF")
    options = params.pades if source.pades is UNSET else source.pades
    return PdfItem(
        convert.or_none(source.data),
        convert.or_none(source.document),
        convert.or_none(source.document_name),
        SignatureWish() if options is UNSET else _wish(options, top, language),
        None if options is UNSET else convert.or_none(options.password),
    )


def _wish(options: PadesParams, top: SignatureLevel, language: Language) -> SignatureWish:
    level = None if options.level is UNSET else SignatureLevel(options.level)
    levels = list(SignatureLevel)
    if level is not None and levels.index(level) > levels.index(top):
        raise MessageError(f"Expected at most `{top}` here - at `$.params.pades.level`")
    mark = convert.or_none(options.mark)
    return SignatureWish(
        reason=convert.or_none(options.reason),
        location=convert.or_none(options.location),
        field=convert.or_none(options.field),
        level=level,
        language=language,
        mark=None if mark is None else MarkPlace(mark.page, mark.box),
    )
