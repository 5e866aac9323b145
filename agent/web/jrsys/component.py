"""Carry out the methods of the old components: from a page's message to the one answer."""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Coroutine, Mapping
from typing import Final, TypeAlias

from agent.errors import AgentError, ErrorCode
from agent.host.settings.config import Settings
from agent.origin import Origin
from agent.rate import Rate, TokenBuckets
from agent.signing.model import CardPresence
from agent.web.front.refusal import unexpected
from agent.web.front.request_parser import LONG, RequestParser
from agent.web.jrsys.answers import Answer, encode_refusal
from agent.web.jrsys.call import Call, UnreadCallError, method_named_in
from agent.web.jrsys.card_reading import CardReading
from agent.web.jrsys.card_turns import CardTurns
from agent.web.jrsys.chosen_cards import ChosenCards
from agent.web.jrsys.computing import COMPUTING, SLOW
from agent.web.jrsys.errors import JrsysError, ReturnValue, return_value
from agent.web.jrsys.key_uses import KeyUses
from agent.web.jrsys.methods import BY_NAME, Method
from agent.web.jrsys.names import NEWER
from agent.web.jrsys.values import Formats, presence
from agent.web.recorder.recorder import CallRecording
from agent.web.service import Service

PRODUCT: Final = "Ankong"
STRANGERS_LONG: Final = Rate(burst=8, per_second=4.0)
"""How many long messages are looked at of all sites together that are not allowed."""
_TURN_SECONDS: Final = 0.1

Answering: TypeAlias = Callable[[Origin, Call], Coroutine[None, None, Answer]]


class JrsysComponent:
    """Answers pages; a refusal is an answer too, with a number and a text."""

    def __init__(self, service: Service, settings: Settings) -> None:
        """Begin with nothing under way.

        Args:
            service: carries out what pages ask for.
            settings: formats of values, the reader that pages see, and whether they may hand the
                PIN over.

        """
        self._service = service
        self._settings = settings
        self._formats = Formats(
            presence=settings.jrsys_presence,
            version=settings.jrsys_version,
            unicode=settings.jrsys_unicode,
        )
        self._parsing = RequestParser()
        # Of their own: whoever parses does not wait for them, nor an allowed site for strangers.
        self._computing = RequestParser()
        self._strangers_computing = RequestParser()
        self._turns = CardTurns()
        self._strangers = TokenBuckets(STRANGERS_LONG, 1)
        # Keeps anybody from guessing a PIN by the digest of its request.
        self._secret = secrets.token_bytes(32)
        chosen, reader = ChosenCards(), settings.hipki_reader
        reading = CardReading(service, reader, self._formats, chosen)
        uses = KeyUses(service, reading, chosen, self._formats, reader)
        self._reading = reading
        self._readings = _readings(reading)
        self._uses = _uses(uses)

    async def answer(self, site: Origin, raw: bytes, entry: CallRecording) -> tuple[bytes, bool]:
        """Answer one message; never raises but for cancellation.

        Args:
            site: who asks; the citizen is asked about a site without a decision.
            raw: the message.
            entry: is told what it asks for, and how that ends.

        Returns:
            The answer, and whether it names a method: a page that is answered so ends the
            WebSocket itself.

        """
        if len(raw) > LONG and not self._service.is_allowed(site):
            await self._wait_for_turn()
        try:
            call = await self._parsing.run(len(raw), Call.parse, raw)
        except UnreadCallError as error:
            return self._unread(error.method, error, entry)
        except Exception as error:  # noqa: BLE001  # likewise below: no page is left to wait
            return self._refusal("", unexpected(error), entry), False
        entry.request(call.method, call.recorded)
        try:
            answer = await self._carry_out(site, call, raw)
            return answer.encode(call.method), True
        except AgentError as error:
            return self._refusal(call.method, error, entry), True
        except Exception as error:  # noqa: BLE001  # whatever it is, the page gets a number
            return self._refusal(call.method, unexpected(error), entry), True
        finally:
            call.wipe()

    async def _wait_for_turn(self) -> None:
        """Wait until a stranger's long message may be looked at: it costs every site some time."""
        while not self._strangers.take(None):  # noqa: ASYNC110  # what a clock gives sets no event
            await asyncio.sleep(_TURN_SECONDS)

    async def refuse(
        self, raw: bytes, error: AgentError, entry: CallRecording
    ) -> tuple[bytes, bool]:
        """Return what :meth:`answer` does, for a message that is neither read nor carried out.

        No more than its method's name is looked for: strangers send many when there is no room.
        """
        method = await self._parsing.run(len(raw), method_named_in, raw)
        return self._unread(method, error, entry)

    def _unread(self, method: str, error: AgentError, entry: CallRecording) -> tuple[bytes, bool]:
        if method:
            entry.request(method)
        return self._refusal(method, error, entry), bool(method)

    def _refusal(self, method: str, error: AgentError, entry: CallRecording) -> bytes:
        # Version is the one method of the older kit whose page shows the text of ``Message``.
        shows = method == "" or method in NEWER or BY_NAME.get(method) is Method.VERSION
        number, text = return_value(error)
        entry.outcome(int(number))
        return encode_refusal(method, number, text, is_quiet=not shows)

    async def _carry_out(self, site: Origin, call: Call, raw: bytes) -> Answer:
        if self._service.is_blocked(site):
            raise AgentError("a blocked site", code=ErrorCode.ORIGIN_BLOCKED)
        method = BY_NAME.get(call.method)
        if method is None:
            raise JrsysError(ReturnValue.NOT_OFFERED)
        if method in COMPUTING:
            if method is Method.ENCRYPT and call.get("HexCert") in (None, ""):
                own = await self._reading.encryption_certificate(site)
                call = Call(call.method, {**call.fields, "HexCert": own})
            is_allowed = self._service.is_allowed(site)
            computing = self._computing if is_allowed else self._strangers_computing
            if method in SLOW:
                return await computing.run_apart(COMPUTING[method], call, self._formats)
            return await computing.run(len(raw), COMPUTING[method], call, self._formats)
        if method in self._readings:
            return await self._readings[method](site, call)
        if method in self._uses:
            return await self._use_key(site, method, call, raw)
        return self._tell(method)

    def _tell(self, method: Method) -> Answer:
        """Answer what needs neither a card nor a question."""
        version = self._formats.version
        match method:
            case Method.VERSION:
                return Answer(message=version)
            case Method.TOOL_INFORMATION:
                return Answer(message=f"{PRODUCT} {version}")
            case Method.METHOD_LIST:
                offered = sorted(name for name in BY_NAME if name in NEWER)
                return Answer(message=self._formats.separator.join(offered))
            case Method.PRESENCE:
                return Answer(message=presence(self._has_card(), self._formats))
            case _:  # no newer version is looked for at a page's wish, and no licence is needed
                return Answer()

    def _has_card(self) -> bool:
        only = self._settings.hipki_reader
        return any(
            reader.state is CardPresence.CARD and only in (None, reader.name)
            for reader in self._service.snapshot().readers
        )

    async def _use_key(self, site: Origin, method: Method, call: Call, raw: bytes) -> Answer:
        if not self._settings.page_pin:
            call = call.without_pin()
        request = hashlib.blake2b(raw, key=self._secret, digest_size=32).digest()

        def start() -> "asyncio.Task[Answer]":
            # Whoever asked first may leave before those who joined: the PIN is the use's own.
            own = call.with_own_pin()
            task = asyncio.ensure_future(self._uses[method](site, own))
            task.add_done_callback(lambda _: own.wipe())
            return task

        return await self._turns.run(site, request, start)


def _readings(reading: CardReading) -> Mapping[Method, Answering]:
    return {
        Method.SERIAL: reading.serial,
        Method.CERTIFICATE: reading.certificate,
        Method.SIGNING_CERTIFICATE: reading.signing_certificate,
        Method.ALL_CERTIFICATES: reading.all_certificates,
        Method.CARD_INFORMATION: reading.card_information,
        Method.ALL_INFORMATION: reading.all_information,
        Method.SELECT: reading.select,
    }


def _uses(uses: KeyUses) -> Mapping[Method, Answering]:
    return {
        Method.SIGN: uses.sign,
        Method.SIGN_IN_WINDOW: uses.sign_in_window,
        Method.SIGN_DIGEST: uses.sign_digest,
        Method.SIGN_DIGEST_WITH: uses.sign_digest_with,
        Method.SIGN_MATCHING: uses.sign_matching,
        Method.LOG_IN: uses.log_in,
        Method.DECRYPT: uses.decrypt,
    }
