"""What the visible mark of a signature says, in the citizen's language; no number of theirs."""

import re
from datetime import datetime
from typing import Final

from agent.cms.certificate_fields import CertificateFields
from agent.cms.errors import CmsError
from agent.pdf.wire import Mark, MarkPlace
from agent.pki import names
from agent.pki.certificate import CertificateFacts
from agent.words import Language, say

_CITIZEN: Final = re.compile(r"[0-9]{16}(?!\n)$")
"""The subject serial of a certificate of a natural person."""
_NAMED_BY: Final = ("2.5.4.3", "2.5.4.11", "2.5.4.10")
"""Common name, unit, organisation: the first that an issuer has."""
_MAX_NAME: Final = 200
"""Characters of a holder's or an issuer's name; longer ones would not fit."""


def mark_for(
    place: MarkPlace,
    signer: CertificateFacts,
    at: datetime,
    language: Language,
    *,
    citizen_card: bool,
) -> Mark:
    """Return a mark.

    Args:
        place: where it is.
        signer: the certificate that signs.
        at: when, with the time zone that is shown.
        language: that its lines are in.
        citizen_card: whether it is on one; what another card has is named by its issuer.

    """
    holder = (signer.subject_cn or "")[:_MAX_NAME]
    kind = _kind(signer, language, citizen_card=citizen_card)
    lines = (holder, kind, _moment(at), say(language, "mark.note", {}))
    return Mark(place, lines)


def _kind(signer: CertificateFacts, language: Language, *, citizen_card: bool) -> str:
    """Return with what kind of certificate it is signed."""
    is_persons = _CITIZEN.match(signer.subject_serial or "") and signer.uniform_number is None
    if citizen_card and is_persons:
        return say(language, "mark.citizen", {})
    issuer = _issuer(signer)
    return "" if issuer is None else say(language, "mark.issuer", {"issuer": issuer})


def _issuer(signer: CertificateFacts) -> str | None:
    try:
        found = names.attributes(CertificateFields.of(signer.der).issuer)
    except (CmsError, ValueError, IndexError):
        return None
    texts = (names.first(found, each) for each in _NAMED_BY)
    return next((each[:_MAX_NAME] for each in texts if each), None)


def _moment(at: datetime) -> str:
    """Return a time with its zone: ``2026-11-27 14:05:33 +08:00``."""
    told = at.isoformat(sep=" ", timespec="seconds")
    return f"{told[:19]} {told[19:]}"
