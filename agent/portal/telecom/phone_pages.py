"""The pages on the phone that opened the link; they know no session, only this application."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from agent.portal.app_keys import DATABASE, ORIGINS
from agent.portal.contact import LoginKind, parse_contact
from agent.portal.cookies import phone_token, set_phone
from agent.portal.errors import PortalCode, PortalError
from agent.portal.guard import read_body
from agent.portal.members import contacts_of
from agent.portal.moments import day_in_taipei
from agent.portal.pages.fields import FieldReader
from agent.portal.pages.forms import read_form
from agent.portal.pages.language import language_of
from agent.portal.pages.templates import render
from agent.portal.store.transaction import Transaction
from agent.portal.telecom import applying, asking, records
from agent.portal.telecom.asking import ReadAnswer
from agent.portal.telecom.device import CHALLENGE_BYTES, device_options, is_holder_verified
from agent.portal.telecom.operator import (
    ConsentQuestion,
    NumberHolder,
    OperatorAnswerError,
    OperatorOutcome,
    OperatorUnavailableError,
)
from agent.portal.telecom.operators import ANSWER_PATH, OPERATORS, MobileOperators
from agent.portal.telecom.records import PhoneApplication
from agent.portal.telecom.states import TelecomForm, TelecomOutcome, TelecomState
from agent.portal.wire import answer
from agent.words import say

LINK: Final = "/phone/link"
"""Under this path stands the token of a link."""

_PHONE: Final = "/phone"
_FIELDS: Final = ("id_number", "name", "born", "mobile", "operator")
_LONGEST: Final = 254
_OF_LINK: Final = r"{token:[A-Za-z0-9_-]{43}}"
_PAGES: Final[Mapping[TelecomState, str]] = {
    TelecomState.CONNECTED: "telecom/form.html",
    TelecomState.DEVICE: "telecom/device.html",
    TelecomState.OPERATOR: "telecom/ask.html",
    TelecomState.READING: "telecom/reading.html",
    TelecomState.ENDED: "telecom/result.html",
}


class DeviceOptionsAnswer(msgspec.Struct, frozen=True):
    """What the phone's authenticator is asked (WebAuthn Level 2 §5.1.8); None if it is not."""

    options: dict[str, Any] | None


class DeviceProofRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the phone's authenticator made (WebAuthn Level 2 §5.1.3.3)."""

    credential: dict[str, Any]


class DeviceProofAnswer(msgspec.Struct, frozen=True):
    """Where the page goes on."""

    next: str


@dataclass(frozen=True, slots=True, repr=False)
class _Held:
    """What a phone holds."""

    application: PhoneApplication
    form: TelecomForm | None
    account: str  # masked
    now: int


async def get_link(request: web.Request) -> web.Response:
    """Say for whose account this link is, and what comes; nothing begins by looking.

    Raises:
        HTTPSeeOther: to where this phone stands, if it has opened the link before.
        PortalError: ``link_over``.

    """
    token = request.match_info["token"]
    phone = phone_token(request)
    if phone is not None and await request.app[DATABASE].read(_is_held, token, phone):
        raise web.HTTPSeeOther(_PHONE)
    return await _start_page(request, token)


async def post_link(request: web.Request) -> web.Response:
    """Let this phone hold the application.

    Raises:
        HTTPSeeOther: to the form.
        PortalError: ``link_over``.

    """
    token = request.match_info["token"]
    typed = await read_form(request)
    phone = phone_token(request)
    if phone is None or typed.get("consent") != "yes":
        return await _start_page(request, token, was_sent=True)
    await request.app[DATABASE].run(applying.connect, token, phone)
    raise web.HTTPSeeOther(_PHONE)


async def get_phone(request: web.Request) -> web.Response:
    """Show the step at which this phone stands.

    Raises:
        PortalError: ``link_over``.

    """
    held = await _held(request)
    return _page(request, held)


async def post_form(request: web.Request) -> web.Response:
    """Keep what was written, or show what is wrong with it, beside what was typed.

    Raises:
        HTTPSeeOther: to the next step.
        PortalError: ``link_over``.

    """
    typed = await read_form(request)
    held = await _held(request)
    if held.application.state not in {
        TelecomState.CONNECTED,
        TelecomState.DEVICE,
        TelecomState.OPERATOR,
    }:
        raise web.HTTPSeeOther(_PHONE)
    written = {name: typed.get(name, "")[:_LONGEST] for name in _FIELDS}
    form, wrong = _read(written, held.now, request.app[OPERATORS])
    if form is not None:
        try:
            await request.app[DATABASE].run(applying.write_form, phone_token(request), form)
        except PortalError as error:
            if error.code is not PortalCode.TOO_MANY_ATTEMPTS:
                raise
            wrong["mobile"] = "telecom.outcome.too_many_tries"
        else:
            raise web.HTTPSeeOther(_PHONE)
    return _form_page(request, held, written, wrong)


async def post_back(request: web.Request) -> web.Response:
    """Go back to the form.

    Raises:
        HTTPSeeOther: there.
        PortalError: ``link_over``.

    """
    await read_form(request)
    await _held(request)
    await request.app[DATABASE].run(applying.go_back, phone_token(request))
    raise web.HTTPSeeOther(_PHONE)


async def post_device_options(request: web.Request) -> web.Response:
    """Answer what to ask the phone's authenticator.

    Raises:
        PortalError: ``link_over``.

    """
    await read_body(request)
    await _held(request)
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    user = await request.app[DATABASE].run(_begin_device, phone_token(request), challenge)
    if user is None:
        return answer(DeviceOptionsAnswer(None))
    site = say(language_of(request), "portal.site", {})
    return answer(DeviceOptionsAnswer(device_options(_origin(request), site, user, challenge)))


async def post_device(request: web.Request) -> web.Response:
    """Check what the phone's authenticator made.

    Raises:
        PortalError: ``link_over``, ``bad_request``, ``device_not_proven``.

    """
    body = await read_body(request)
    try:
        made = msgspec.json.decode(body, type=DeviceProofRequest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PortalError(PortalCode.BAD_REQUEST, type(error).__name__) from error
    await _held(request)
    origin = _origin(request)

    def is_proof(challenge: bytes) -> bool:
        return is_holder_verified(made.credential, challenge, origin)

    if not await request.app[DATABASE].run(applying.finish_device, phone_token(request), is_proof):
        raise PortalError(PortalCode.DEVICE_NOT_PROVEN)
    return answer(DeviceProofAnswer(_PHONE))


async def get_operator(request: web.Request) -> web.Response:
    """Lead to the operator's page with a new question; a link, because no form may leave the site.

    Raises:
        HTTPSeeOther: to the operator, or to where this phone stands.
        PortalError: ``link_over``.

    """
    await _held(request)
    # Another site may lead here, and would only take the last question out of force.
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise web.HTTPSeeOther(_PHONE)
    operators, origin = request.app[OPERATORS], _origin(request)

    def ask(form: TelecomForm) -> ConsentQuestion | None:
        operator = operators.at(form.operator, origin)
        return None if operator is None else operator.ask()

    question = await request.app[DATABASE].run(asking.begin_question, phone_token(request), ask)
    raise web.HTTPSeeOther(_PHONE if question is None else question.url)


async def get_answer(request: web.Request) -> web.Response:
    """Read the answer with which the operator's page sent the browser back, once.

    Raises:
        HTTPSeeOther: to where this phone stands then.
        PortalError: ``link_over``.

    """
    phone = phone_token(request)
    await _held(request)
    state = request.query.get("state", "")
    read = await request.app[DATABASE].run(asking.take_answer, phone, state)
    if read is not None:
        outcome = await _outcome(request, read)
        await request.app[DATABASE].run(asking.finish, read, outcome)
    raise web.HTTPSeeOther(_PHONE)


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the pages on the phone."""
    router.add_get(f"{LINK}/{_OF_LINK}", get_link)
    router.add_post(f"{LINK}/{_OF_LINK}", post_link)
    router.add_get(_PHONE, get_phone)
    router.add_post(f"{_PHONE}/form", post_form)
    router.add_post(f"{_PHONE}/back", post_back)
    router.add_get(f"{_PHONE}/operator", get_operator)
    router.add_get(ANSWER_PATH, get_answer)
    router.add_post("/api/phone/device/options", post_device_options)
    router.add_post("/api/phone/device", post_device)


async def _held(request: web.Request) -> _Held:
    return await request.app[DATABASE].read(_held_by, phone_token(request))


def _held_by(tx: Transaction, phone: str | None) -> _Held:
    found = records.of_phone(tx, phone)
    return _Held(found, records.form_of(tx, found), _account(tx, found.member), tx.now)


def _account(tx: Transaction, member: str) -> str:
    contacts = contacts_of(tx, member)
    return contacts[0].masked if contacts else "•••"


def _is_held(tx: Transaction, token: str, phone: str) -> bool:
    return applying.is_connected(tx, token, phone)


def _begin_device(tx: Transaction, phone: str | None, challenge: bytes) -> bytes | None:
    """Keep the challenge; return the member's handle for the authenticator, 32 octets."""
    member = applying.begin_device(tx, phone, challenge)
    return None if member is None else tx.keyring.digest("authenticator-user", member.encode())


def _of_link(tx: Transaction, token: str) -> str:
    return _account(tx, applying.find_by_link(tx, token).member)


async def _start_page(request: web.Request, token: str, *, was_sent: bool = False) -> web.Response:
    account = await request.app[DATABASE].read(_of_link, token)
    has_phone = phone_token(request) is not None
    response = render(
        request,
        "telecom/start.html",
        status=422 if was_sent else 200,
        account=account,
        lacks_consent=was_sent and has_phone,
        lacks_cookie=was_sent and not has_phone,
    )
    if not has_phone:
        # Before it holds anything, so that a second press comes from the same phone.
        set_phone(request, response, applying.new_token())
    return response


def _page(request: web.Request, held: _Held) -> web.Response:
    form = held.form
    if held.application.state is TelecomState.CONNECTED:
        written = {name: "" if form is None else str(getattr(form, name)) for name in _FIELDS}
        return _form_page(request, held, written, {})
    return render(
        request,
        _PAGES[held.application.state],
        application=held.application,
        form=form,
        account=held.account,
    )


def _form_page(
    request: web.Request, held: _Held, written: Mapping[str, str], wrong: Mapping[str, str]
) -> web.Response:
    return render(
        request,
        "telecom/form.html",
        status=422 if wrong else 200,
        application=held.application,
        account=held.account,
        written=written,
        wrong=wrong,
        operators=request.app[OPERATORS].names,
    )


def _read(
    written: Mapping[str, str], now: int, operators: MobileOperators
) -> tuple[TelecomForm | None, dict[str, str]]:
    """Return the form, or by each field's name the key of what is wrong with it."""
    today = day_in_taipei(now)
    fields = FieldReader(written)
    person = fields.read_person(today)
    mobile = fields.read("mobile", _parse_mobile)
    operator = fields.read("operator", lambda text: _parse_operator(text, operators))
    if fields.wrong:
        return None, fields.wrong
    return TelecomForm(**person, mobile=mobile, operator=operator), {}


def _parse_mobile(text: str) -> str:
    try:
        contact = parse_contact(text)
    except PortalError:
        raise ValueError("telecom.form.mobile_bad") from None
    if contact.kind is not LoginKind.MOBILE:
        raise ValueError("telecom.form.mobile_bad")
    return contact.value


def _parse_operator(text: str, operators: MobileOperators) -> str:
    if text not in operators.names:
        raise ValueError("telecom.form.operator_bad")
    return text


async def _outcome(request: web.Request, read: ReadAnswer) -> TelecomOutcome:
    """Return what the operator says about what was written."""
    form = read.form
    operator = request.app[OPERATORS].at(form.operator, _origin(request))
    if operator is None:
        return TelecomOutcome.UNAVAILABLE
    holder = NumberHolder(f"+886{form.mobile[1:]}", form.id_number, form.name, form.born)
    try:
        said = await operator.read_answer(read.question, dict(request.query), holder)
    except OperatorUnavailableError:
        return TelecomOutcome.UNAVAILABLE
    except OperatorAnswerError:
        return TelecomOutcome.WRONG_ANSWER
    return TelecomOutcome.GOLD if said is OperatorOutcome.MATCH else TelecomOutcome(said.value)


def _origin(request: web.Request) -> str:
    """Return this site's origin under which the phone is here; the guard has checked the host."""
    origins = request.app[ORIGINS]
    return next(each for each in origins if urlsplit(each).netloc == request.host.lower())
