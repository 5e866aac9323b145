"""The native API's methods: from a decoded request to a result, whatever carried it."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from msgspec import UNSET, UnsetType

from agent.errors import AgentError, ErrorCode, WeakHashError
from agent.host.instance.install_key import InstallationProof
from agent.host.settings.config import Settings
from agent.origin import Origin
from agent.secret import SecretBytes
from agent.signing import model
from agent.web.front.limits import Limits, RateLimiter, Slots
from agent.web.front.refusal import MessageError
from agent.web.native import convert, messages
from agent.web.native.page_documents import PageDocuments
from agent.web.recorder.recorder import CallRecorder
from agent.web.service import Service

Prover: TypeAlias = Callable[[str, bytes], InstallationProof]
"""Signs a nonce for an origin (see ``host.install_key``)."""
Tell: TypeAlias = Callable[[str], None]
"""Told how far a request is, by the name of its event; must not block."""


class NativeApi:
    """Carries out requests; keeps one site from asking too much at once.

    Attributes:
        limits: for each site.
        rate: of the requests of each site, over all connections.
        recorder: is told of every request.
        documents: PDFs of pages.

    """

    def __init__(  # noqa: PLR0913  # what has nothing to do with each other
        self,
        service: Service,
        settings: Settings,
        limits: Limits,
        *,
        virtual: bool,
        prove: Prover | None = None,
        state: Callable[[], messages.AgentState] = lambda: "running",
        recorder: CallRecorder | None = None,
        documents: PageDocuments | None = None,
    ) -> None:
        """Put the API in front of the use cases.

        Args:
            service: what does the work.
            settings: whether pages may hand a PIN over; otherwise it is dropped unread.
            limits: for each site.
            virtual: whether the cards are virtual.
            prove: shows a site that it is still the same installation; None cannot.
            state: what an allowed site is told of the agent.
            recorder: is told of every request; None for one that stays off.
            documents: PDFs of pages; None where none is taken.

        """
        self._service = service
        self.limits = limits
        self.rate = RateLimiter(limits)
        self.recorder = recorder or CallRecorder()
        self.documents = documents or PageDocuments(service, None)
        self._virtual = virtual
        self._settings = settings
        self._prove = prove
        self._state = state
        self._pending = Slots(limits.pending, ErrorCode.RATE_LIMITED)
        # One question at a time: a page must not bury the citizen in windows.
        self._questions = Slots(1, ErrorCode.BUSY)

    @property
    def service(self) -> Service:
        """What does the work."""
        return self._service

    def is_allowed(self, site: Origin | None) -> bool:
        """Return whether whoever asks may ask for more than the status."""
        return site is not None and self._service.is_allowed(site)

    def is_blocked(self, site: Origin) -> bool:
        """Return whether the citizen, or an administrator, said no to a site for good."""
        return self._service.is_blocked(site)

    def status(self, site: Origin | None, nonce: bytes | None = None) -> messages.StatusResult:
        """Say that the agent runs; to an allowed site also who we are, and what is in the readers.

        A proof for everybody would let a site recognise a citizen who never allowed it.
        """
        if site is None or not self.is_allowed(site):
            return convert.status(None, None, virtual=self._virtual, state=self._state())
        proof = None
        if nonce is not None and self._prove is not None:
            proof = self._prove(str(site), nonce)
        snapshot = self._service.snapshot()
        return convert.status(snapshot, proof, virtual=self._virtual, state=self._state())

    async def execute(
        self, site: Origin, request: messages.Request, tell: Tell = lambda _: None
    ) -> messages.AnyResult:
        """Carry out any request but ``cancel``, which is about the connection it came on.

        Whether the site belongs to the request's audience has been checked at the door.

        A secret in it is the caller's to wipe (:func:`wipe_secrets`), however this returns.

        Raises:
            AgentError: any code.

        """
        match request:
            case messages.StatusRequest(params=status):
                return self.status(site, convert.or_none(status.nonce))
            case messages.ReadersRequest():
                await self._service.look_at_tokens()
                return convert.readers(self._service.snapshot())
            case messages.ConnectRequest(params=wish):
                with self._questions.hold(site):
                    has_blind = await self._service.connect(site, blind=wish.blind)
                return messages.ConnectResult(True, has_blind if wish.blind else UNSET)
            case _:
                with self._pending.hold(site):
                    return await self._use_card(site, request, tell)

    async def _use_card(
        self, site: Origin, request: messages.Request, tell: Tell
    ) -> messages.AnyResult:
        match request:
            case messages.CertificatesRequest(params=params):
                reader = convert.or_none(params.reader)
                found = await self._service.certificates(site, reader)
                return convert.certificates(found)
            case messages.SignRequest(params=asked) | messages.SignBatchRequest(params=asked) if (
                convert.is_about_pdfs(asked)
            ):
                return await self.documents.sign(site, asked, self._page_pin(asked), tell)
            case messages.SignRequest(params=params):
                signed = await self._sign(site, params)
                return convert.sign_result(signed)
            case messages.SignBatchRequest(params=batch):
                signed = await self._sign(site, batch)
                return convert.sign_batch_result(signed)
            case messages.AuthenticateRequest(params=login):
                made = await self._authenticate(site, login)
                return convert.authenticate_result(made)
            case messages.DecryptRequest(params=wanted):
                return messages.DecryptResult(await self._decrypt(site, wanted))
            case _:
                raise AgentError(f"no way to carry out {type(request).__name__}")

    async def _decrypt(self, site: Origin, params: messages.DecryptParams) -> bytes:
        request = convert.decrypt_request(params)
        try:
            return await self._service.decrypt(site, request, self._page_pin(params))
        except AgentError as error:
            if error.code is ErrorCode.BAD_REQUEST:  # found before any PIN is sent
                what = "Expected a message or cryptogram that a card can decrypt"
                raise MessageError(f"{what} - at `$.params.data`") from error
            raise

    async def _sign(
        self,
        site: Origin,
        params: messages.SignParams | messages.SignBatchParams,
    ) -> model.SignatureResult:
        request = convert.sign_request(params)
        try:
            return await self._service.sign(site, request, self._page_pin(params))
        except WeakHashError as error:
            raise MessageError(f"{error.detail} - at `$.params.hash`") from None

    async def _authenticate(
        self, site: Origin, params: messages.AuthenticateParams
    ) -> model.AuthenticationResult:
        request = convert.authentication_request(params)
        return await self._service.authenticate(site, request, self._page_pin(params))

    def _page_pin(
        self,
        params: messages.SigningParams | messages.AuthenticateParams | messages.DecryptParams,
    ) -> SecretBytes | None:
        return convert.or_none(params.pin) if self._settings.page_pin else None


def wipe_secrets(request: messages.Request) -> None:
    """Wipe the PIN in a request and the passwords of its PDFs; may be called twice."""
    for secret in _secrets(request):
        if secret is not UNSET:
            secret.wipe()


def _secrets(request: messages.Request) -> Iterator[SecretBytes | UnsetType]:
    match request:
        case messages.AuthenticateRequest() | messages.DecryptRequest():
            yield request.params.pin
        case messages.SignRequest(params=params) | messages.SignBatchRequest(params=params):
            yield params.pin
            items = params.items if isinstance(params, messages.SignBatchParams) else ()
            for pades in (params.pades, *(each.pades for each in items)):
                if pades is not UNSET:
                    yield pades.password
        case _:
            pass
