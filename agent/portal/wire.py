"""The portal's API as types: what a page may send, what it gets; unknown fields are refused."""

from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from agent.portal.account.applications import OpenApplication, StepState
from agent.portal.config import DemoCard
from agent.portal.contact import LoginKind
from agent.portal.downloads import OfferedFile
from agent.portal.errors import REFUSALS, PortalCode, PortalError
from agent.portal.members import Member, Way
from agent.portal.moments import rfc3339
from agent.relying.login import MAX_TOKEN
from agent.words import Language, say

MAX_BODY = 2 * MAX_TOKEN
"""Octets of a request body: a login in base64 and some room."""

_Typed = Annotated[str, Meta(min_length=1, max_length=254)]
_Id = Annotated[str, Meta(min_length=1, max_length=64)]
_Code = Annotated[str, Meta(pattern=r"^[0-9]{6}\Z", max_length=6)]
_Name = Annotated[str, Meta(min_length=1, max_length=64)]
_Token = Annotated[bytes, Meta(min_length=1, max_length=MAX_TOKEN)]


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of requests: unknown fields are refused."""


class Empty(_Request, frozen=True):
    """A request without parameters."""


class OtpRequest(_Request, frozen=True):
    """Ask for a code."""

    contact: _Typed


class OtpConfirmRequest(_Request, frozen=True):
    """Present a code."""

    contact: _Typed
    code: _Code


class ProfileRequest(_Request, frozen=True):
    """Set a name."""

    name: _Name


class UpgradeChallengeRequest(_Request, frozen=True):
    """Ask for a challenge to become a gold member."""

    id_number: _Typed


class SubmitRequest(_Request, frozen=True):
    """Send a login: base64 of what the agent's ``authenticate`` made of the challenge."""

    challenge_id: _Id
    token: _Token


class LoginBody(msgspec.Struct, frozen=True):
    """One way to log in, masked."""

    kind: LoginKind
    label: str


class MemberBody(msgspec.Struct, frozen=True):
    """A member as the page shows it."""

    id: str
    name: str | None
    grade: str
    gold_since: str | None
    gold_way: Way | None
    closing: str | None
    logins: list[LoginBody]


class StepBody(msgspec.Struct, frozen=True):
    """One step of an application; its name by the tags of the languages."""

    name: Mapping[str, str]
    state: StepState
    at: str | None


class ApplicationBody(msgspec.Struct, frozen=True):
    """An application that is not decided yet."""

    way: Way
    number: str | None
    since: str
    href: str
    steps: list[StepBody]
    closes_account: bool


class ApplicationsAnswer(msgspec.Struct, frozen=True):
    """The member's open applications."""

    applications: list[ApplicationBody]


class MemberAnswer(msgspec.Struct, frozen=True):
    """Who is logged in."""

    member: MemberBody | None


class ConfirmedAnswer(msgspec.Struct, frozen=True):
    """Who is logged in now, and whether just registered."""

    member: MemberBody
    created: bool


class OtpAnswer(msgspec.Struct, frozen=True):
    """A code was sent; in the demo it is in the answer."""

    contact_kind: LoginKind
    demo_code: str | None
    expires_in: int


class ChallengeAnswer(msgspec.Struct, frozen=True):
    """A challenge for the agent's ``authenticate``: base64url without padding."""

    challenge_id: str
    challenge: str
    expires_in: int


class AgentBody(msgspec.Struct, frozen=True):
    """Where the agent listens."""

    ports: list[int]
    ping_port: int


class ConfigAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the page needs to know about this site; only a demo has a card to name."""

    agent: AgentBody
    demo: bool
    demo_card: DemoCard | None = None


class ArtefactBody(msgspec.Struct, frozen=True):
    """One installer that can be downloaded; size in octets, SHA-256 in lower hex."""

    name: str
    system: str
    kind: str
    size: int
    sha256: str
    url: str


class DownloadsAnswer(msgspec.Struct, frozen=True):
    """The installers; none when none was built."""

    downloads: list[ArtefactBody]


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal; its message by the tags of the languages.

    ``contact`` is masked, of the account that has what was proven.
    """

    code: PortalCode
    message: Mapping[str, str]
    retriable: bool
    contact: str | None = None


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The body of every answer that is not a success."""

    error: ErrorBody


_RequestT = TypeVar("_RequestT", bound=_Request)


def decode(body: bytes, kind: type[_RequestT]) -> _RequestT:
    """Read a request body.

    Raises:
        PortalError: ``bad_request``; the detail names the field and never its value.

    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PortalError(PortalCode.BAD_REQUEST, type(error).__name__) from error


def answer(body: msgspec.Struct, status: int = 200) -> web.Response:
    """Return an answer that no cache keeps, because it is about a person."""
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def refuse(code: PortalCode, contact: str | None = None) -> web.Response:
    """Return the answer of a refusal.

    Args:
        code: why.
        contact: masked, of the account to log in to instead; its words are ``CODE_by``.

    """
    refusal = REFUSALS[code]
    message = said_everywhere(
        f"portal.refusals.{code}{'_by' if contact else ''}", contact=contact or ""
    )
    body = ErrorBody(code, message, refusal.is_retriable, contact)
    return answer(ErrorAnswer(body), refusal.status)


def said_everywhere(key: str, **facts: str) -> Mapping[str, str]:
    """Return a text of the catalogue in every language, by tag."""
    return {str(each): say(each, key, facts) for each in Language}


def member_body(member: Member) -> MemberBody:
    """Return a member as the page shows it."""
    since = member.gold_since
    return MemberBody(
        id=member.id,
        name=member.name,
        grade="ordinary" if since is None else "gold",
        gold_since=None if since is None else rfc3339(since),
        gold_way=member.gold_way,
        closing=None if member.closing is None else rfc3339(member.closing),
        logins=[LoginBody(login.kind, login.label) for login in member.logins],
    )


def application_body(application: OpenApplication) -> ApplicationBody:
    """Return an open application as the page shows it."""
    steps = [
        StepBody(
            said_everywhere(step.name), step.state, None if step.at is None else rfc3339(step.at)
        )
        for step in application.steps
    ]
    since = rfc3339(application.since)
    return ApplicationBody(
        application.way,
        application.number,
        since,
        application.href,
        steps,
        application.closes_account,
    )


def artefact_body(artefact: OfferedFile) -> ArtefactBody:
    """Return an installer as the page shows it."""
    return ArtefactBody(
        artefact.name, artefact.system, artefact.kind, artefact.size, artefact.sha256, artefact.url
    )
