"""A mobile operator who confirms whose number a phone has: outcomes, errors, and the interface."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum, unique
from typing import Protocol


@unique
class OperatorOutcome(StrEnum):
    """What an operator says of a number and its holder."""

    MATCH = "match"
    OTHER_NUMBER = "other_number"
    """The SIM that the phone uses has another number."""
    OTHER_PERSON = "other_person"
    BIRTH_DATE_DIFFERS = "birth_date_differs"
    NAME_DIFFERS = "name_differs"
    NOT_KNOWN = "not_known"
    """The operator keeps no ID number, name or birth date to compare."""
    PREPAID = "prepaid"
    RESELLER = "reseller"
    COMPANY = "company"
    NOT_MOBILE_NETWORK = "not_mobile_network"
    CONSENT_REFUSED = "consent_refused"


class OperatorUnavailableError(Exception):
    """There is no answer now: the operator was not reached, was too slow, or failed."""


class OperatorAnswerError(Exception):
    """There is an answer, but not the operator's to this question; the text says which check."""


@dataclass(frozen=True, slots=True, repr=False)
class NumberHolder:
    """Whom a number is said to belong to.

    Attributes:
        mobile: E.164, such as ``+886912345678``.
        id_number: in normal form.
        name: as the applicant wrote it.
        born: the birth date.

    """

    mobile: str
    id_number: str
    name: str
    born: date


@dataclass(frozen=True, slots=True, repr=False)
class ConsentQuestion:
    """One question to an operator, kept with the application until the answer comes.

    Attributes:
        url: where the applicant's browser goes.
        state: 43 characters; comes back with the answer.
        nonce: 43 characters; stands in the signed ID token.
        verifier: 43 characters; without it nobody can use the answer (RFC 7636).

    """

    url: str
    state: str
    nonce: str
    verifier: str


class MobileOperator(Protocol):
    """The interface of an operator."""

    def ask(self) -> ConsentQuestion:
        """Return a new question, which can be answered once."""

    async def read_answer(
        self, question: ConsentQuestion, answer: Mapping[str, str], holder: NumberHolder
    ) -> OperatorOutcome:
        """Return what the operator says.

        Args:
            question: of the same application.
            answer: the parameters with which the browser came back.
            holder: whom the number is said to belong to.

        Raises:
            OperatorUnavailableError: there is no answer now.
            OperatorAnswerError: it is not the operator's answer to this question.

        """
