"""What the page of a question may ask for: to be let in, its words, more time, and to answer."""

import asyncio
from http import HTTPStatus

import msgspec
from aiohttp import web

from agent.errors import AgentError, ErrorCode
from agent.web.front.guard import RequestPurpose
from agent.web.front.mount import Routes
from agent.web.panel import messages
from agent.web.panel.door import (
    HEADERS,
    QUESTION,
    asked_for,
    json_answer,
    key_of,
    posted,
)
from agent.web.panel.live import SEND_SECONDS
from agent.web.panel.question_desk import AskedPage, QuestionDesk, secret_of


class QuestionCalls:
    """The calls of the pages of one desk."""

    def __init__(self, desk: QuestionDesk) -> None:
        """Serve the pages of ``desk``."""
        self._desk = desk

    def routes(self) -> Routes:
        """Return the calls, by name below ``/panel/api/``."""
        return {
            QUESTION: {"GET": asked_for(self._get)},
            f"{QUESTION}/open": {"POST": posted(messages.OpenQuestion, self._open)},
            f"{QUESTION}/events": {"GET": asked_for(self._events)},
            f"{QUESTION}/answer": {"POST": posted(messages.AnswerQuestion, self._answer)},
            f"{QUESTION}/more": {"POST": asked_for(self._more, RequestPurpose.CALL)},
        }

    async def _open(
        self, request: web.BaseRequest, wanted: messages.OpenQuestion
    ) -> web.StreamResponse:
        del request
        return json_answer(messages.write({"key": self._desk.let_in(wanted.token)}))

    async def _get(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = self._asked(request)
        return json_answer(messages.write({"page": asked.page, **asked.show()}))

    async def _events(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = self._asked(request)
        response = web.StreamResponse(headers=HEADERS)
        response.content_type = "application/x-ndjson"
        try:
            await response.prepare(request)
            async for state in asked.follow():
                async with asyncio.timeout(SEND_SECONDS):
                    await response.write(msgspec.json.encode(state) + b"\n")
        except (TimeoutError, ConnectionError):
            response.force_close()  # the page went away, or does not read
        return response

    async def _answer(
        self, request: web.BaseRequest, said: messages.AnswerQuestion
    ) -> web.StreamResponse:
        secret = secret_of(said.pin)
        try:
            answer = said.answer.encode("ascii", "replace")
            self._asked(request).answer(answer, None if secret is None else secret.buffer)
        finally:
            if secret is not None:
                secret.wipe()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _more(self, request: web.BaseRequest) -> web.StreamResponse:
        self._asked(request).more_time()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    def _asked(self, request: web.BaseRequest) -> AskedPage:
        asked = self._desk.find(key_of(request))
        if asked is None:  # it ended since the door was opened
            raise AgentError("the question has ended", code=ErrorCode.BUSY)
        return asked
