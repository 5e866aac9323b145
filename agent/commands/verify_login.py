"""``ankong verify --login``: judge a login as the site does that asked for it."""

import asyncio
import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from agent.cms.login import MAX_CHALLENGE, MIN_CHALLENGE, challenge_text
from agent.commands.colour import Colour, coloured
from agent.commands.output import say
from agent.commands.times import local_time
from agent.commands.tongue import tell
from agent.errors import BadRequestError
from agent.harmless import printable
from agent.pki.anchors import TrustStore, read_bounded
from agent.pki.report import Inputs, ReportVerdict
from agent.pki.revocation import FileSource
from agent.relying import Login, LoginVerifier, Purpose, VerificationCode, VerificationError
from agent.size_limits import MAX_SIGNED_MESSAGE

_NOBODY_VOUCHES: Final = frozenset(
    {VerificationCode.CERTIFICATE_UNTRUSTED, VerificationCode.REVOCATION_UNKNOWN}
)
_FIRST: Final = {
    ReportVerdict.VALID: (Colour.GREEN, "login_proven"),
    ReportVerdict.NOT_PROVEN: (Colour.YELLOW, "login_not_proven"),
    ReportVerdict.INVALID: (Colour.RED, "login_refused"),
}


@dataclass(frozen=True, slots=True)
class LoginQuestion:
    """What the site knows, that a login has to fit.

    Attributes:
        origins: what browsers call the site.
        challenge: what it issued, as it stands in the login; None where it is not given.
        purpose: what for.

    """

    origins: Sequence[str]
    challenge: str | None
    purpose: Purpose


async def judge_login(inputs: Inputs, question: LoginQuestion, at: datetime) -> dict[str, Any]:
    """Judge a login as of ``at``.

    The answer has ``verdict``, a :class:`ReportVerdict`; ``code``, None or why it is refused, with
    ``detail``; and ``login``: who it was, to where and what for, None where it is refused.

    Raises:
        BadRequestError: what the site knows is missing, or cannot be so.
        CmsError: a file cannot be read or used.

    """
    if not (question.origins and question.challenge and inputs.anchors):
        why = "--login needs --origin, --challenge and --anchors"
        raise BadRequestError(why, said=("cli.error.login_needs", {}))
    challenge = _challenge(question.challenge)
    token = await asyncio.to_thread(read_bounded, inputs.message, MAX_SIGNED_MESSAGE)
    try:
        verifier = LoginVerifier(
            origins=question.origins,
            trust=await asyncio.to_thread(TrustStore.load, inputs.anchors, inputs.intermediates),
            revocation=FileSource(inputs.crls),
            clock=lambda: at,
        )
    except ValueError as error:
        raise BadRequestError(str(error)) from error
    try:
        login = await verifier.verify(token, challenge=challenge, purpose=question.purpose)
    except VerificationError as error:
        is_open = error.code in _NOBODY_VOUCHES
        verdict = ReportVerdict.NOT_PROVEN if is_open else ReportVerdict.INVALID
        return {"verdict": verdict, "code": error.code, "detail": error.detail, "login": None}
    return {"verdict": ReportVerdict.VALID, "code": None, "detail": "", "login": _facts(login)}


def say_login(report: dict[str, Any]) -> None:
    """Tell a person what :func:`judge_login` found."""
    login = report["login"]
    colour, name = _FIRST[report["verdict"]]
    subject = printable(login["subject"]) if login else ""
    say(coloured(tell(f"cli.verify.said.{name}", subject=subject, code=report["code"]), colour))
    if report["detail"]:
        say(f"  {printable(report['detail'])}")
    if login:
        to = f"cli.verify.said.{login['purpose']}_to"
        say(f"  {tell(to, origin=login['origin'])}")
        time = tell("cli.verify.said.login_time", time=local_time(login["time"]))
        say(f"  {time}")


def _challenge(text: str) -> bytes:
    try:
        found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        found = b""
    if not MIN_CHALLENGE <= len(found) <= MAX_CHALLENGE or challenge_text(found) != text:
        why = "--challenge is base64url without padding, of 32 to 64 octets"
        raise BadRequestError(why, said=("cli.error.challenge", {}))
    return found


def _facts(login: Login) -> dict[str, str | None]:
    return {
        "origin": login.origin,
        "purpose": login.purpose.value,
        "time": login.time,
        "subject": login.certificate.subject,
        "name": login.holder.name,
        "id_last4": login.holder.id_last4,
        "subject_serial": login.holder.subject_serial,
        "issuer": login.holder.issuer,
        "thumbprint": login.certificate.thumbprint.hex(),
    }
