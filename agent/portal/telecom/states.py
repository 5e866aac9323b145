"""Applications by mobile operator: the states they are in, and what comes of them."""

from datetime import date
from enum import StrEnum, unique
from typing import Final

import msgspec

LINK_LIFETIME: Final = 10 * 60
"""Seconds in which the link has to be opened on the phone."""

LIFETIME: Final = 30 * 60
"""Seconds after which an application is over, whatever it was waiting for."""

MOST_TRIES: Final = 3
"""Answers of an operator about one number that one applicant gets in :data:`TRIES_S` seconds."""

MOST_NUMBERS: Final = 10
"""Answers about all numbers together that one applicant gets in the same time."""

TRIES_S: Final = 24 * 60 * 60

LONGEST_READING: Final = 90
"""Seconds after which nobody reads an operator's answer any more: that process is gone."""


@unique
class TelecomState(StrEnum):
    """Where an application stands."""

    WAITING = "waiting"
    """The link is shown; no phone has opened it."""
    CONNECTED = "connected"
    """A phone has; the form is to be written."""
    DEVICE = "device"
    """Who holds the phone is to be verified."""
    OPERATOR = "operator"
    """The operator is to be asked."""
    READING = "reading"
    """The operator's answer is being read."""
    ENDED = "ended"


@unique
class TelecomOutcome(StrEnum):
    """What came of asking, or of the application; each has its words.

    Every outcome of an operator but a match is one under the same name.
    """

    GOLD = "gold"
    OTHER_NUMBER = "other_number"
    OTHER_PERSON = "other_person"
    BIRTH_DATE_DIFFERS = "birth_date_differs"
    NAME_DIFFERS = "name_differs"
    NOT_KNOWN = "not_known"
    PREPAID = "prepaid"
    RESELLER = "reseller"
    COMPANY = "company"
    NOT_MOBILE_NETWORK = "not_mobile_network"
    CONSENT_REFUSED = "consent_refused"
    UNAVAILABLE = "unavailable"
    WRONG_ANSWER = "wrong_answer"
    """It was not the operator's answer to this question: replayed, forged, for somebody else."""
    TOO_MANY_TRIES = "too_many_tries"
    ID_NUMBER_TAKEN = "id_number_taken"
    ALREADY_GOLD = "already_gold"
    ACCOUNT_CLOSING = "account_closing"
    STOPPED = "stopped"
    EXPIRED = "expired"


ASK_AGAIN: Final = frozenset(
    {
        TelecomOutcome.NOT_MOBILE_NETWORK,
        TelecomOutcome.CONSENT_REFUSED,
        TelecomOutcome.UNAVAILABLE,
        TelecomOutcome.WRONG_ANSWER,
    }
)
"""After these nothing was compared: no try is counted, and the same form may be asked about."""


class TelecomForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the applicant writes; sealed while the application is open, then gone.

    Attributes:
        id_number: in normal form.
        name: as typed.
        born: the birth date.
        mobile: 10 digits, ``09xxxxxxxx``.
        operator: the name of one of the settings' operators.

    """

    id_number: str
    name: str
    born: date
    mobile: str
    operator: str

    def __repr__(self) -> str:
        return "TelecomForm()"
