"""An operator over HTTP: OpenID Connect with PKCE, CAMARA Number Verification and KYC Match.

Consent is the authorization code flow (OpenID Connect Core 1.0 §3.1, RFC 7636). The two calls have
the names and members of CAMARA *Number Verification* and *Know Your Customer Match*. Of codes of
errors only those beginning with ``CONTRACT.`` are not CAMARA's: which contracts do not count is a
rule of this service.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec

from agent.portal.telecom.idtoken import (
    ExpectedToken,
    IdTokenError,
    JsonWebKeySet,
    check_id_token,
    encode_base64url,
)
from agent.portal.telecom.operator import (
    ConsentQuestion,
    NumberHolder,
    OperatorAnswerError,
    OperatorOutcome,
    OperatorUnavailableError,
)
from agent.relying.urls import checked_url
from agent.strict_json import UNREADABLE

AUTHORIZE: Final = "/authorize"
TOKEN: Final = "/token"  # noqa: S105 - a path
KEYS: Final = "/jwks"
VERIFY: Final = "/number-verification/v1/verify"
MATCH: Final = "/kyc-match/v0.2/match"
SCOPE: Final = "openid number-verification:verify kyc-match:match"

_TIMEOUT_S: Final = 10
_MAX_ANSWER: Final = 64 * 1024
_Known = Literal["true", "false", "not_available"]
_Answer = TypeVar("_Answer")

_REFUSALS: Final[Mapping[str, OperatorOutcome]] = {
    "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK": (
        OperatorOutcome.NOT_MOBILE_NETWORK
    ),
    "CONTRACT.PREPAID": OperatorOutcome.PREPAID,
    "CONTRACT.RESELLER": OperatorOutcome.RESELLER,
    "CONTRACT.COMPANY": OperatorOutcome.COMPANY,
    "IDENTIFIER_NOT_FOUND": OperatorOutcome.NOT_KNOWN,
}


@dataclass(frozen=True, slots=True)
class OperatorSite:
    """Where an operator answers, and as whom it knows us.

    Attributes:
        issuer: its URL, without a slash at the end; https, or http on this machine.
        client_id: ours.
        redirect_uri: where its page sends the browser back to, registered with it.

    """

    issuer: str
    client_id: str
    redirect_uri: str


class TokenAnswer(msgspec.Struct, frozen=True):
    """The operator's tokens (RFC 6749 §5.1)."""

    access_token: str
    id_token: str
    token_type: str


class NumberAnswer(msgspec.Struct, frozen=True):
    """Whether the phone's SIM has the number that was asked about."""

    devicePhoneNumberVerified: bool  # noqa: N815 - CAMARA's name


class HolderAnswer(msgspec.Struct, frozen=True):
    """What matches of a holder's data."""

    idDocumentMatch: _Known  # noqa: N815 - CAMARA's name
    nameMatch: _Known  # noqa: N815 - CAMARA's name
    birthdateMatch: _Known  # noqa: N815 - CAMARA's name


class OperatorRefusal(msgspec.Struct, frozen=True):
    """CAMARA's form of an error."""

    code: str


class _RefusedError(Exception):
    def __init__(self, outcome: OperatorOutcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


class OperatorClient:
    """One operator over HTTP."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        site: OperatorSite,
        clock: Callable[[], float],
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        """Make a client.

        Args:
            http: without cookies of anybody.
            site: where the operator is.
            clock: seconds since 1970, against which ID tokens are checked.
            timeout_s: for each call.

        Raises:
            ValueError: the issuer is plain http to another machine.

        """
        self._http = http
        self._site = site
        self._issuer = checked_url(site.issuer, "operator")
        self._clock = clock
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    def ask(self) -> ConsentQuestion:
        """Return a new question, which can be answered once."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        query = {
            "response_type": "code",
            "client_id": self._site.client_id,
            "redirect_uri": self._site.redirect_uri,
            "scope": SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        url = f"{self._issuer}{AUTHORIZE}?{urlencode(query)}"
        return ConsentQuestion(url, state, nonce, verifier)

    async def read_answer(
        self, question: ConsentQuestion, answer: Mapping[str, str], holder: NumberHolder
    ) -> OperatorOutcome:
        """Return what the operator says; a failed call is not repeated.

        Raises:
            OperatorUnavailableError: there is no answer now.
            OperatorAnswerError: it is not the operator's answer to this question.

        """
        if not hmac.compare_digest(answer.get("state", "").encode(), question.state.encode()):
            raise OperatorAnswerError("state")
        if (error := answer.get("error")) is not None:
            return _declined(error)
        if not (code := answer.get("code", "")):
            raise OperatorAnswerError("code")
        try:
            access_token = await self._access_token(code, question)
            return await self._outcome(access_token, holder)
        except _RefusedError as refused:
            return refused.outcome
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise OperatorUnavailableError(f"not reached: {type(error).__name__}") from error

    async def _access_token(self, code: str, question: ConsentQuestion) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": question.verifier,
            "client_id": self._site.client_id,
            "redirect_uri": self._site.redirect_uri,
        }
        tokens = await self._call("POST", TOKEN, TokenAnswer, data=form)
        if tokens.token_type.lower() != "bearer":
            raise OperatorAnswerError("token type")
        # Fetched anew each time: an operator changes its keys when it likes.
        keys = await self._call("GET", KEYS, JsonWebKeySet)
        expected = ExpectedToken(
            self._issuer,
            self._site.client_id,
            question.nonce,
            tokens.access_token,
            self._clock(),
        )
        try:
            check_id_token(tokens.id_token, keys, expected)
        except IdTokenError as error:
            raise OperatorAnswerError(f"ID token: {error}") from error
        return tokens.access_token

    async def _outcome(self, access_token: str, holder: NumberHolder) -> OperatorOutcome:
        bearer = {"Authorization": f"Bearer {access_token}"}
        number = {"phoneNumber": holder.mobile}
        verified = await self._call("POST", VERIFY, NumberAnswer, json=number, headers=bearer)
        if not verified.devicePhoneNumberVerified:
            return OperatorOutcome.OTHER_NUMBER
        person = {
            **number,
            "idDocument": holder.id_number,
            "name": holder.name,
            "birthdate": holder.born.isoformat(),
        }
        return outcome_of(
            await self._call("POST", MATCH, HolderAnswer, json=person, headers=bearer)
        )

    async def _call(self, method: str, path: str, kind: type[_Answer], **content: Any) -> _Answer:
        async with self._http.request(
            method,
            self._issuer + path,
            timeout=self._timeout,
            allow_redirects=False,  # an ID number goes where the operator is, nowhere else
            **content,
        ) as response:
            body = await _read(response)
            if response.status != HTTPStatus.OK:
                raise _failure(response.status, body)
        try:
            return msgspec.json.decode(body, type=kind)
        except UNREADABLE as error:
            raise OperatorUnavailableError(f"not understood: {path}") from error


def code_challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 §4.2)."""
    return encode_base64url(hashlib.sha256(verifier.encode("ascii")).digest())


def outcome_of(answer: HolderAnswer) -> OperatorOutcome:
    """Return the outcome that tells the holder most: who it is before what differs."""
    by_rank = (
        (answer.idDocumentMatch, OperatorOutcome.OTHER_PERSON),
        (answer.birthdateMatch, OperatorOutcome.BIRTH_DATE_DIFFERS),
        (answer.nameMatch, OperatorOutcome.NAME_DIFFERS),
    )
    for known, outcome in by_rank:
        if known == "false":
            return outcome
    is_known = all(known == "true" for known, _ in by_rank)
    return OperatorOutcome.MATCH if is_known else OperatorOutcome.NOT_KNOWN


def _declined(error: str) -> OperatorOutcome:
    if error == "access_denied":
        return OperatorOutcome.CONSENT_REFUSED
    raise OperatorUnavailableError("the operator did not ask for consent")


def _failure(status: int, body: bytes) -> Exception:
    """Return the error that stands for an answer other than 200."""
    try:
        code = msgspec.json.decode(body, type=OperatorRefusal).code
    except UNREADABLE:
        code = ""
    if status < HTTPStatus.INTERNAL_SERVER_ERROR and code in _REFUSALS:
        return _RefusedError(_REFUSALS[code])
    return OperatorUnavailableError(f"HTTP status {status}")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = await response.content.read(_MAX_ANSWER + 1)
    while len(body) <= _MAX_ANSWER and (more := await response.content.read(_MAX_ANSWER)):
        body += more
    if len(body) > _MAX_ANSWER:
        raise OperatorUnavailableError("the answer is too long")
    return body
