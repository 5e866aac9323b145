"""A member's open application by mobile operator as the member's own page shows it."""

from collections.abc import Sequence
from typing import Final

from agent.portal.account.applications import (
    ApplicationStep,
    OpenApplication,
    StepState,
)
from agent.portal.members import Way
from agent.portal.store.transaction import Transaction
from agent.portal.telecom.applying import open_application
from agent.portal.telecom.records import PhoneApplication
from agent.portal.telecom.states import TelecomState

DESKTOP: Final = "/ways/telecom"

_ORDER: Final = (
    TelecomState.WAITING,
    TelecomState.CONNECTED,
    TelecomState.DEVICE,
    TelecomState.OPERATOR,
)


def open_phone_application(tx: Transaction, member_id: str) -> Sequence[OpenApplication]:
    """Return the member's application that has not ended, if there is one."""
    found = open_application(tx, member_id)
    if found is None or found.ended is not None:
        return []
    steps = steps_of(found)
    return [OpenApplication(Way.TELECOM, None, found.created, steps, f"{DESKTOP}/phone")]


def steps_of(application: PhoneApplication) -> Sequence[ApplicationStep]:
    """Return the steps of an application."""
    state = application.state
    place = _ORDER.index(TelecomState.OPERATOR if state is TelecomState.READING else state)
    times = {
        TelecomState.WAITING: application.created,
        TelecomState.CONNECTED: application.connected_at,
        TelecomState.DEVICE: application.device_at,
    }
    return [
        ApplicationStep(f"telecom.step.{each}", _state_of(number, place), times.get(each))
        for number, each in enumerate(_ORDER)
    ]


def _state_of(number: int, place: int) -> StepState:
    if number < place:
        return StepState.DONE
    return StepState.NOW if number == place else StepState.LATER
