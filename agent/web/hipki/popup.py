"""Answer the requests of our own pages: each has a token, the answer is lines of JSON."""

import asyncio
import json
from functools import partial
from typing import Annotated, Any, ClassVar, Final, TypeVar

import msgspec
from aiohttp import hdrs, web
from msgspec import Meta, Struct

from agent.consent.consent import Consent
from agent.domain import group_of
from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.origin import LOCAL_PROGRAM, SELF_TEST, Origin
from agent.secret import wipe
from agent.seldom import SeldomLog
from agent.size_limits import MAX_HIPKI_BODY
from agent.web.front.answer import answer
from agent.web.front.audience import Audience
from agent.web.front.body import read_body
from agent.web.front.guard import RequestPurpose
from agent.web.front.limits import Limits
from agent.web.front.mount import Handler, Route, Routes
from agent.web.front.request_parser import RequestParser
from agent.web.front.room import BodyRoom
from agent.web.front.shares import Shares, ShareSizes
from agent.web.hipki.component import HipkiComponent
from agent.web.hipki.conversation import (
    THINKING_SECONDS,
    Conversation,
    Conversations,
    PopupAnswer,
)
from agent.web.hipki.errors import ErrorNumbers, HipkiError, Major, numbers, outcome_of
from agent.web.hipki.fields import RequestFields, parse_text
from agent.web.hipki.functions import BY_NAME, Function
from agent.web.hipki.popup_prompter import SITE_ANSWERS
from agent.web.hipki.tokens import PageKind, PageToken, PageTokens
from agent.web.recorder.recorder import CallRecording
from agent.web.service import Service

POPUPS: Final = ShareSizes(site=4, domain=3, strangers=4)
"""At once; each waits on a connection, and a browser has six of them to us for all sites."""
_UNASKED: Final = 2 * MAX_HIPKI_BODY  # characters; one stranger has half of it, or one message
_SMALL: Final = 4096  # bytes
_LARGE: Final = 2 * MAX_HIPKI_BODY  # bytes; JSON within JSON escapes every quotation mark

_Proof = Annotated[str, Meta(max_length=128)]
_Origin = Annotated[str, Meta(max_length=300)]
S = TypeVar("S", bound="_OwnMessage")


class _OwnMessage(Struct, frozen=True, forbid_unknown_fields=True):
    audience: ClassVar[Audience] = Audience.OWN_PAGE
    limit: ClassVar[int] = _SMALL
    token: _Proof


class _StartRequest(_OwnMessage, frozen=True, forbid_unknown_fields=True):
    limit: ClassVar[int] = _LARGE
    site: _Origin
    message: str


class _AnswerQuestion(_OwnMessage, frozen=True, forbid_unknown_fields=True):
    answer: PopupAnswer
    choice: int = 0


class _AddDomain(_OwnMessage, frozen=True, forbid_unknown_fields=True):
    site: _Origin
    answer: PopupAnswer
    blind: bool = False  # whether the page showed that a yes allows this as well


class PopupRoutes:
    """The paths that the popup, the self-test and the add-domain page call.

    Attributes:
        routes: for our own pages only.
        tokens: for these pages.

    """

    def __init__(
        self, component: HipkiComponent, service: Service, consent: Consent, limits: Limits
    ) -> None:
        """Prepare the routes of our own pages.

        Args:
            component: carries out the functions.
            service: tells the self-test about the readers.
            consent: who answers for the citizen; the one that ``service`` asks.
            limits: for bodies.

        """
        self._component = component
        self._service = service
        self._consent = consent
        self._limits = limits
        self._conversations = Conversations()
        self._open: dict[str, Conversation] = {}
        self._parsing = RequestParser()
        self._places = Shares(POPUPS, component.is_allowed, SeldomLog(__name__))
        self._room = BodyRoom(limits.body_seconds, _UNASKED)  # for what strangers want
        self.tokens = PageTokens()
        self.routes = self._make_routes()

    def _make_routes(self) -> Routes:
        calls: dict[str, tuple[Handler, type[_OwnMessage]]] = {
            "/popup/request": (self._request, _StartRequest),
            "/popup/answer": (self._answer, _AnswerQuestion),
            "/popup/domain": (self._domain, _AddDomain),
            "/popup/readers": (self._readers, _OwnMessage),
        }
        return {
            path: {"POST": Route(handler, kind.audience, RequestPurpose.CALL, kind.limit)}
            for path, (handler, kind) in calls.items()
        }

    def has_windows(self) -> bool:
        """Return whether the citizen is asked in windows."""
        return self._consent.has_windows()

    async def _request(
        self, request: web.BaseRequest, _caller: Origin | None
    ) -> web.StreamResponse:
        asked = await self._read(request, _StartRequest)
        token = self.tokens.prove(asked.token)
        if token.kind is PageKind.ADD_DOMAIN:
            raise AgentError("another page's token", code=ErrorCode.ORIGIN_NOT_ALLOWED)
        self.tokens.spend(token)
        name, reply, site = "", None, None
        try:
            fields = await self._parsing.run(len(asked.message), parse_text, asked.message)
            name = fields.text("func")  # first: a page takes a reply without a name for another's
            site = _site(token, asked.site)
        except AgentError as error:
            reply = self._component.refusal(name, numbers(error))
        else:
            await asyncio.to_thread(group_of, site)  # its list is read at first
            unasked = 0 if self._component.is_allowed(site) else len(asked.message)
            try:
                with self._places.hold(site, partial(_hang_up, request)):
                    async with self._room.hold_received(site, unasked):
                        return await self._converse(request, token, site, name, fields)
            except AgentError:  # no place or room is left; what else fails is a reply of its own
                reply = self._component.refusal(name, ErrorNumbers(Major.SESSION))
        with self._recording(site) as entry:
            entry.request(name)
            entry.outcome(outcome_of(reply))
        return _json({"reply": to_text(reply)})

    def _recording(self, site: Origin | None) -> CallRecording:
        return self._component.recorder.recording(site, "hipki", "popup")

    async def _converse(
        self,
        request: web.BaseRequest,
        token: PageToken,
        site: Origin,
        name: str,
        fields: RequestFields,
    ) -> web.StreamResponse:
        function = BY_NAME.get(name, Function.UNSUPPORTED)

        async def work() -> str:
            with self._recording(site) as entry:
                entry.request(name, fields.values)
                reply = await self._component.answer(site, function, name, fields)
                entry.outcome(outcome_of(reply))
            return to_text(reply)

        key = await self._parsing.run(fields.length, self._conversations.key, site, name, fields)
        with self._conversations.join(key, name, work) as conversation:
            self._open[token.text] = conversation
            try:
                return await _stream(request, conversation)
            finally:
                self._open.pop(token.text, None)

    async def _answer(self, request: web.BaseRequest, _caller: Origin | None) -> web.Response:
        said = await self._read(request, _AnswerQuestion)
        conversation = self._open.get(self.tokens.prove(said.token).text)
        if conversation is None or not conversation.answer(said.answer, said.choice):
            raise AgentError("no such question now", code=ErrorCode.BUSY)
        return _json({})

    async def _domain(self, request: web.BaseRequest, _caller: Origin | None) -> web.Response:
        said = await self._read(request, _AddDomain)
        token = self.tokens.prove(said.token)
        if token.kind is not PageKind.ADD_DOMAIN:
            raise AgentError("another page's token", code=ErrorCode.ORIGIN_NOT_ALLOWED)
        if said.answer is not PopupAnswer.CANCEL and token.age < THINKING_SECONDS:
            raise AgentError("too soon", code=ErrorCode.BUSY)
        self.tokens.spend(token)
        try:
            await self._settle(said)
        except AgentError as error:
            return _json(numbers(error).fields())
        return _json(ErrorNumbers(Major.SUCCESS).fields())

    async def _settle(self, said: _AddDomain) -> None:
        program = said.site == str(LOCAL_PROGRAM)
        site = LOCAL_PROGRAM if program else Origin.parse(said.site)
        if said.answer is PopupAnswer.CANCEL:
            raise HipkiError(Major.CANCELLED)
        unknown = self._service.snapshot().attempts_unknown
        await self._consent.decide_again(
            site, SITE_ANSWERS[said.answer], attempts_unknown=unknown, blind=said.blind
        )

    async def _readers(self, request: web.BaseRequest, _caller: Origin | None) -> web.Response:
        asked = await self._read(request, _OwnMessage)
        if self.tokens.prove(asked.token).kind is not PageKind.SELF_TEST:
            raise AgentError("another page's token", code=ErrorCode.ORIGIN_NOT_ALLOWED)
        snapshot = self._service.snapshot()
        readers = [
            {
                "name": reader.name,
                "state": reader.state,
                "generation": reader.generation,
                "serial": reader.serial,
                "attempts_left": reader.attempts_left,
            }
            for reader in snapshot.readers
        ]
        service = "available" if snapshot.service_available else "unavailable"
        return _json({"service": service, "readers": readers})

    async def _read(self, request: web.BaseRequest, kind: type[S]) -> S:
        """Read a message of one of our own pages."""
        raw = await read_body(request, kind.limit, self._limits.body_seconds)
        try:
            return msgspec.json.decode(raw, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise BadRequestError("not what our pages send") from None
        finally:
            wipe(raw)


def _site(token: PageToken, origin: str) -> Origin:
    """Return the site whose message the popup got; ``null`` is refused: it could be any page."""
    if token.kind is PageKind.SELF_TEST:
        return SELF_TEST
    try:
        return Origin.parse(origin)
    except BadRequestError as error:
        raise HipkiError(Major.UNTRUSTED_SITE) from error


def _hang_up(request: web.BaseRequest) -> None:
    """End a popup's request; the popup then tells its page that it has failed."""
    if request.transport is not None:
        request.transport.abort()


async def _stream(request: web.BaseRequest, conversation: Conversation) -> web.StreamResponse:
    """Send each state as a line, and the reply as the last one."""
    response = web.StreamResponse(headers={hdrs.CACHE_CONTROL: "no-store"})
    response.content_type = "application/x-ndjson"
    response.headers["X-Content-Type-Options"] = "nosniff"
    await response.prepare(request)
    async for state in conversation.follow():
        await response.write(f"{to_text(state)}\n".encode())
    await response.write_eof()
    return response


def to_text(fields: dict[str, Any]) -> str:
    """Return compact JSON, as pages get it; not in ASCII only."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def _json(fields: dict[str, Any]) -> web.Response:
    return answer(f"{to_text(fields)}\n".encode(), None)
