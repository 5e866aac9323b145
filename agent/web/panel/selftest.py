"""A test of everything that a signature needs, from the component to the certificate's last day.

Each step says how it went in a word and a few facts; the page has the sentences.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Any, Final

from agent.cms.document import Document
from agent.errors import AgentError, ErrorCode
from agent.origin import LOCAL_USER, SELF_TEST
from agent.pki.certificate import CertificateFacts
from agent.signing.certificate_key import bare_format, usual_hash
from agent.signing.model import (
    CardCertificate,
    CardPresence,
    ReaderView,
    SignatureRequest,
)
from agent.web.service import Service

SOON: Final = timedelta(days=60)
"""How long before its last day a certificate is said to end soon."""


@unique
class Outcome(StrEnum):
    """How a step went."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class SelfTestStep:
    """One step.

    Attributes:
        name: component, service, reader, card, certificate, signature.
        outcome: how it went.
        code: why it did not go well; empty when it did.
        facts: what the sentence about it tells, by name.

    """

    name: str
    outcome: Outcome
    code: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


class SelfTest:
    """One run through all steps; whatever depends on a bad step is skipped."""

    def __init__(
        self,
        service: Service,
        component: SelfTestStep,
        clock: Callable[[], datetime],
        reader: str | None,
    ) -> None:
        """Prepare a run.

        Args:
            service: what is tested.
            component: the first step: what is known about the ports.
            clock: the time of day, with a time zone.
            reader: to test; None for the first one with a card, or the first.

        """
        self._service = service
        self._clock = clock
        self._wanted = reader
        self._steps = [component]

    async def run(self, *, signature: bool) -> list[SelfTestStep]:
        """Run; with ``signature`` the citizen is asked for the PIN in our own window."""
        reader = self._look()
        if reader is None:
            self._skip("card", "certificate", "signature")
        elif reader.state is not CardPresence.CARD:
            self._add("card", Outcome.BAD, reader.state.value, reader=reader.name)
            self._skip("certificate", "signature")
        else:
            await self._use(reader, signature=signature)
        return self._steps

    def _look(self) -> ReaderView | None:
        snapshot = self._service.snapshot()
        if not snapshot.service_available:
            self._add("service", Outcome.BAD, "unavailable")
            self._skip("reader")
            return None
        self._add("service", Outcome.GOOD)
        reader = _choose(snapshot.readers, self._wanted)
        if reader is None:
            self._add("reader", Outcome.BAD, "none")
            return None
        self._add("reader", Outcome.GOOD, reader=reader.name, count=len(snapshot.readers))
        return reader

    async def _use(self, reader: ReaderView, *, signature: bool) -> None:
        try:
            listing = await self._service.certificates(LOCAL_USER, reader.name)
        except AgentError as error:
            self._add("card", Outcome.BAD, error.code, reader=reader.name)
            self._skip("certificate", "signature")
            return
        self._add_card(reader.name)
        certificate = next((each for each in listing.certificates if each.signs), None)
        if certificate is None:
            self._add("certificate", Outcome.BAD, ErrorCode.KEY_NOT_FOUND)
            self._skip("signature")
            return
        self._judge(certificate.facts)
        if signature:
            await self._sign(certificate)
        else:
            self._skip("signature")

    def _add_card(self, name: str) -> None:
        """Say what is known of the card, now that it has been read."""
        reader = _choose(self._service.snapshot().readers, name)
        left = None if reader is None else reader.attempts_left
        facts: dict[str, Any] = {
            "reader": name,
            "generation": None if reader is None else reader.generation,
            "serial": None if reader is None else reader.serial,
            "attempts_left": left,
        }
        if left == 0:
            self._add("card", Outcome.BAD, ErrorCode.PIN_LOCKED, **facts)
        elif left is not None and left < 3:
            self._add("card", Outcome.WARNING, "few_attempts", **facts)
        else:
            self._add("card", Outcome.GOOD, **facts)

    def _judge(self, facts: CertificateFacts) -> None:
        now = self._clock()
        told: dict[str, Any] = {
            "holder": facts.subject_cn,
            "not_before": facts.not_before.isoformat(),
            "not_after": facts.not_after.isoformat(),
            "days": (facts.not_after - now).days,
        }
        if now > facts.not_after:
            self._add("certificate", Outcome.BAD, ErrorCode.CERTIFICATE_EXPIRED, **told)
        elif now < facts.not_before:
            self._add("certificate", Outcome.BAD, ErrorCode.CERTIFICATE_NOT_YET_VALID, **told)
        elif facts.not_after - now < SOON:
            self._add("certificate", Outcome.WARNING, "ends_soon", **told)
        else:
            self._add("certificate", Outcome.GOOD, **told)

    async def _sign(self, certificate: CardCertificate) -> None:
        """Sign a text that is worth nothing; the service checks what the card made of it."""
        text = f"Ankong self-test\n{self._clock().isoformat()}\n{secrets.token_hex(16)}\n"
        request = SignatureRequest(
            documents=(Document(data=text.encode(), name="Ankong self-test"),),
            hash=usual_hash(certificate.facts),
            format=bare_format(certificate.facts),
            certificate=certificate.facts.thumbprint,
            reader=certificate.reader,
            check_validity=False,
        )
        try:
            await self._service.sign(SELF_TEST, request, None)
        except AgentError as error:
            self._add("signature", Outcome.BAD, error.code, attempts_left=error.attempts_left)
        else:
            self._add("signature", Outcome.GOOD)

    def _add(self, name: str, outcome: Outcome, code: str = "", **facts: Any) -> None:
        self._steps.append(SelfTestStep(name, outcome, str(code), facts))

    def _skip(self, *names: str) -> None:
        self._steps += [SelfTestStep(name, Outcome.SKIPPED) for name in names]


def _choose(readers: tuple[ReaderView, ...], name: str | None) -> ReaderView | None:
    if name is not None:
        return next((each for each in readers if each.name == name), None)
    with_card = [each for each in readers if each.state is CardPresence.CARD]
    return next(iter((*with_card, *readers)), None)
