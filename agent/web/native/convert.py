"""Between the wire's messages and the plain types of the use cases."""

from datetime import UTC, datetime
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from agent import __version__
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.errors import BadRequestError
from agent.host.instance.install_key import InstallationProof
from agent.signing import model
from agent.size_limits import MAX_DATA
from agent.web.front.refusal import Id, MessageError, failure
from agent.web.native import messages
from agent.web.native.field_types import SignatureAlgorithm
from agent.web.native.pdf_messages import ProgressData, ProgressEvent

T = TypeVar("T")
AnySignParams: TypeAlias = messages.SignParams | messages.SignBatchParams


def or_none(value: T | UnsetType) -> T | None:
    """Turn what a page left out into None."""
    return None if value is UNSET else value


def document(source: messages.SignParams | messages.Item) -> Document:
    """Read one document.

    Raises:
        MessageError: not exactly one of ``data`` and ``digest`` is there.

    """
    try:
        return Document(
            data=or_none(source.data),
            digest=or_none(source.digest),
            name=or_none(source.document_name),
        )
    except BadRequestError as error:
        raise MessageError(error.detail) from None


def format_of(item: messages.Item, batch: messages.SignBatchParams) -> model.SignatureFormat:
    """Return the format of one item of a batch."""
    return batch.format if item.format is UNSET else item.format


def is_about_pdfs(params: AnySignParams) -> bool:
    """Return whether a request has any PDF that is signed in itself."""
    if isinstance(params, messages.SignParams):
        return params.format is model.SignatureFormat.PADES
    return any(format_of(each, params) is model.SignatureFormat.PADES for each in params.items)


def refuse_strays(params: AnySignParams) -> None:
    """Refuse what only PDFs have in a request without any.

    Raises:
        MessageError: there is something.

    """
    items = params.items if isinstance(params, messages.SignBatchParams) else (params,)
    if params.pades is not UNSET:
        raise MessageError("Expected format `pades` - at `$.params.format`")
    for each in items:
        if each.document is not UNSET or each.pades is not UNSET:
            raise MessageError("Expected format `pades` - at `$.params.format`")
        if isinstance(each, messages.Item) and each.format not in (UNSET, params.format):
            raise MessageError("Expected the batch's format, or `pades`")


def sign_request(params: AnySignParams) -> model.SignatureRequest:
    """Read what to sign, where none of it is a PDF that is signed in itself.

    Raises:
        MessageError: digests of the wrong length, an attached signature over a digest, or what only
            PDFs have.

    """
    refuse_strays(params)
    sources = params.items if isinstance(params, messages.SignBatchParams) else (params,)
    thumbprint = or_none(params.certificate)
    try:
        return model.SignatureRequest(
            documents=tuple(document(source) for source in sources),
            hash=params.hash,
            format=params.format,
            certificate=None if thumbprint is None else bytes.fromhex(thumbprint),
            reader=or_none(params.reader),
            nonce=or_none(params.nonce),
            signing_certificate=params.signing_certificate,
            signing_time=params.signing_time,
        )
    except BadRequestError as error:
        raise MessageError(error.detail) from None


def authentication_request(params: messages.AuthenticateParams) -> model.AuthenticationRequest:
    """Read what a login is to be made of."""
    thumbprint = or_none(params.certificate)
    return model.AuthenticationRequest(
        challenge=params.challenge,
        purpose=params.purpose,
        hash=HashAlgorithm(params.hash),
        certificate=None if thumbprint is None else bytes.fromhex(thumbprint),
        reader=or_none(params.reader),
    )


def decrypt_request(params: messages.DecryptParams) -> model.DecryptionRequest:
    """Read what to decrypt."""
    return model.DecryptionRequest(params.data, params.format, or_none(params.reader))


def reader(view: model.ReaderView) -> messages.Reader:
    """Show a reader."""
    card = None
    if view.state is model.CardPresence.CARD:
        card = messages.ReaderCard(view.generation, view.serial)
    return messages.Reader(view.name, view.state, card, view.attempts_left)


def readers(snapshot: model.Snapshot) -> messages.ReadersResult:
    """Show all readers."""
    return messages.ReadersResult(
        "available" if snapshot.service_available else "unavailable",
        tuple(reader(view) for view in snapshot.readers),
    )


def status(
    snapshot: model.Snapshot | None,
    proof: InstallationProof | None,
    *,
    virtual: bool,
    state: messages.AgentState,
) -> messages.StatusResult:
    """Show the agent itself; ``snapshot`` and ``proof`` only for a site that is allowed.

    Nobody else learns whether the cards are virtual, or how the agent is.
    """
    return messages.StatusResult(
        product="ankong",
        version=__version__,
        api="v1",
        allowed=snapshot is not None,
        max_data=MAX_DATA,
        state=UNSET if snapshot is None else state,
        virtual=UNSET if snapshot is None else virtual,
        readers=UNSET if snapshot is None else tuple(reader(view) for view in snapshot.readers),
        proof=UNSET
        if proof is None
        else messages.Proof(algorithm="ES256", key=proof.key, signature=proof.signature),
    )


def certificates(listing: model.CertificateListing) -> messages.CertificatesResult:
    """Show what was found on the cards, and which of them could not be read."""
    problems = tuple(unread_card(problem) for problem in listing.problems)
    return messages.CertificatesResult(
        tuple(certificate(found) for found in listing.certificates), problems or UNSET
    )


def unread_card(problem: model.ReaderProblem) -> messages.UnreadCard:
    """Show why a card could not be read."""
    why = failure(problem.error)
    return messages.UnreadCard(
        reader=problem.reader, code=why.code, message=why.message, retriable=why.retriable
    )


def certificate(found: model.CardCertificate) -> messages.Certificate:
    """Show a certificate on a card."""
    facts = found.facts
    return messages.Certificate(
        thumbprint=facts.thumbprint.hex(),
        certificate=facts.der,
        reader=found.reader,
        id=found.id,
        label=found.label,
        usage=facts.key_usage,
        subject=facts.subject,
        subject_cn=facts.subject_cn,
        subject_serial=facts.subject_serial,
        id_last4=facts.id_last4,
        issuer=facts.issuer,
        serial=facts.serial_hex,
        not_before=_moment(facts.not_before),
        not_after=_moment(facts.not_after),
        card_serial=found.card_serial,
    )


def sign_result(result: model.SignatureResult) -> messages.SignResult:
    """Show one signature."""
    used = result.certificate
    return messages.SignResult(
        signature=result.signatures[0],
        algorithm=algorithm(result.algorithm),
        certificate=used.facts.der,
        thumbprint=used.facts.thumbprint.hex(),
        reader=used.reader,
        card_serial=used.card_serial,
    )


def sign_batch_result(result: model.SignatureResult) -> messages.SignBatchResult:
    """Show several signatures."""
    used = result.certificate
    return messages.SignBatchResult(
        signatures=result.signatures,
        algorithm=algorithm(result.algorithm),
        certificate=used.facts.der,
        thumbprint=used.facts.thumbprint.hex(),
        reader=used.reader,
        card_serial=used.card_serial,
    )


def authenticate_result(result: model.AuthenticationResult) -> messages.AuthenticateResult:
    """Show a login."""
    used = result.certificate
    return messages.AuthenticateResult(
        token=result.token,
        algorithm=algorithm(result.algorithm),
        thumbprint=used.facts.thumbprint.hex(),
        reader=used.reader,
    )


def event(change: model.Event) -> messages.ReaderEvent | messages.ServiceEvent:
    """Show a change."""
    if change.reader is None:
        data = messages.ServiceData("available" if change.service_available else "unavailable")
        return messages.ServiceEvent("service_changed", data)
    about = messages.ReaderData(reader(change.reader))
    return messages.ReaderEvent(change.name, about)  # type: ignore[arg-type]  # Event lists the names


def algorithm(name: str) -> SignatureAlgorithm:
    """Show what signatures were made with."""
    known: SignatureAlgorithm = msgspec.convert(name, SignatureAlgorithm)
    return known


def progress(name: str, request: Id) -> ProgressEvent:
    """Show how far a request is."""
    return ProgressEvent(name, ProgressData(request))  # type: ignore[arg-type]  # page_signing names them


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
