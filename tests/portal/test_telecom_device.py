"""Who holds the phone: only what its own authenticator has made for this page counts."""

from typing import Any

import pytest

from tests.portal.support import Visitor
from tests.portal.telecom_support import (
    connected,
    credential,
    desktop,
    desktop_state,
    device_options,
    phone,
    proven,
    show,
    shown_link,
    site,
    written,
)

__all__ = ["desktop", "phone", "site"]  # fixtures


@pytest.mark.parametrize(
    "changes",
    [
        {"verified": False},
        {"origin": "https://evil.example"},
        {"challenge": "A" * 43},
        {"rp_id": "evil.example"},
        {"type": "webauthn.get"},
    ],
    ids=str,
)
async def test_only_the_phones_own_verification_counts(
    desktop: Visitor, phone: Visitor, changes: dict[str, Any]
) -> None:
    await connected(phone, await shown_link(desktop))
    await written(phone)
    options = await device_options(phone)
    assert options is not None
    made = credential(options, phone.origin, **changes)
    assert await phone.code("/api/phone/device", {"credential": made}) == "device_not_proven"
    assert await desktop_state(desktop) == ("device", None)
    # Its challenge is used up: the right answer comes too late.
    right = credential(options, phone.origin)
    assert await phone.code("/api/phone/device", {"credential": right}) == "device_not_proven"
    assert await proven(phone) == "ok"
    # And proven is proven: the same again changes nothing.
    assert await phone.code("/api/phone/device", {"credential": right}) == "ok"
    assert await device_options(phone) is None


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"id": "x"},
        {"id": "AA", "rawId": "AA", "type": "public-key", "response": {}},
        {
            "id": "AA",
            "rawId": "AA",
            "type": "public-key",
            "response": {"clientDataJSON": "AA", "attestationObject": "AA"},
        },
        {"id": [], "rawId": {}, "type": 1, "response": "x"},
    ],
    ids=str,
)
async def test_what_no_authenticator_made_is_refused(
    desktop: Visitor, phone: Visitor, sent: dict[str, Any]
) -> None:
    await connected(phone, await shown_link(desktop))
    await written(phone)
    assert await device_options(phone) is not None
    assert await phone.code("/api/phone/device", {"credential": sent}) == "device_not_proven"
    assert await phone.code("/api/phone/device", {"credential": sent, "more": 1}) == "bad_request"


async def test_nobody_is_asked_before_the_device_is_proven(
    desktop: Visitor, phone: Visitor
) -> None:
    await connected(phone, await shown_link(desktop))
    assert (await show(phone, "/phone/operator")).location == "/phone"
    await written(phone)
    assert (await show(phone, "/phone/operator")).location == "/phone"
    assert (await show(phone, "/phone")).step == "device"
