"""What a mobile operator may say, what each comes to, and how often it may be asked."""

import pytest

from agent.portal.account.closing import begin_closing
from agent.portal.telecom.standin.site import OperatorPlay
from agent.portal.telecom.states import (
    TRIES_S,
    TelecomOutcome,
)
from agent.virtualcard.identity import generate_id_number
from tests.portal.account_support import in_database
from tests.portal.support import Site, Visitor
from tests.portal.telecom_support import (
    FORM,
    asked,
    become_gold_otherwise,
    consent,
    count_tries,
    desktop,
    phone,
    phone_outcomes,
    ready_to_ask,
    send,
    show,
    site,
    written,
)

__all__ = ["desktop", "phone", "site"]  # fixtures

OTHER_MOBILE = "0900000002"


@pytest.mark.parametrize(
    ("play", "came"),
    [
        (OperatorPlay.OTHER_NUMBER, ("form", TelecomOutcome.OTHER_NUMBER)),
        (OperatorPlay.OTHER_PERSON, ("form", TelecomOutcome.OTHER_PERSON)),
        (OperatorPlay.BIRTH_DATE, ("form", TelecomOutcome.BIRTH_DATE_DIFFERS)),
        (OperatorPlay.NAME, ("form", TelecomOutcome.NAME_DIFFERS)),
        (OperatorPlay.NOT_KNOWN, ("form", TelecomOutcome.NOT_KNOWN)),
        (OperatorPlay.PREPAID, ("form", TelecomOutcome.PREPAID)),
        (OperatorPlay.RESELLER, ("form", TelecomOutcome.RESELLER)),
        (OperatorPlay.COMPANY, ("form", TelecomOutcome.COMPANY)),
        (OperatorPlay.WIFI, ("operator", TelecomOutcome.NOT_MOBILE_NETWORK)),
        (OperatorPlay.DOWN, ("operator", TelecomOutcome.UNAVAILABLE)),
        (OperatorPlay.REPLAYED, ("operator", TelecomOutcome.WRONG_ANSWER)),
        (OperatorPlay.OTHER_APPLICATION, ("operator", TelecomOutcome.WRONG_ANSWER)),
        (OperatorPlay.BAD_SIGNATURE, ("operator", TelecomOutcome.WRONG_ANSWER)),
    ],
)
async def test_each_answer_has_its_words_and_always_the_other_ways(
    site: Site,
    desktop: Visitor,
    phone: Visitor,
    play: OperatorPlay,
    came: tuple[str, TelecomOutcome],
) -> None:
    step, outcome = came
    await ready_to_ask(desktop, phone)
    answered = await asked(phone, play)
    assert (answered.step, answered.outcome) == came
    for way in ("card", "online", "counter"):
        assert f'id="other-{way}"' in answered.text
    assert (await desktop.member())["grade"] == "ordinary"
    # Only where something was compared a try is counted.
    assert await in_database(site, count_tries) == (1 if step == "form" else 0)
    assert (await in_database(site, phone_outcomes))[-1] == ("upgrade_telecom", outcome)
    # And it goes on, with the same form or a better one.
    if step == "form":
        assert (await written(phone)).location == "/phone"
    assert (await asked(phone, OperatorPlay.MATCH)).outcome == "gold"


async def test_who_does_not_agree_may_be_asked_again(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    await ready_to_ask(desktop, phone)
    answered = await asked(phone, OperatorPlay.MATCH, "refuse")
    assert (answered.step, answered.outcome) == ("operator", "consent_refused")
    assert await in_database(site, count_tries) == 0
    assert (await asked(phone, OperatorPlay.MATCH)).outcome == "gold"


async def test_an_id_number_of_another_member_is_told_with_the_masked_contact(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    other = await site.visitor()
    member = await other.register(OTHER_MOBILE)
    await in_database(site, become_gold_otherwise, member["id"], FORM["id_number"])
    await ready_to_ask(desktop, phone)
    answered = await asked(phone, OperatorPlay.MATCH)
    assert answered.outcome == "id_number_taken"
    assert "0900***002" in answered.text
    assert "0900***002" in (await show(desktop, "/ways/telecom/phone")).text
    assert (await desktop.member())["grade"] == "ordinary"


async def test_who_became_gold_or_closes_meanwhile_ends_with_those_words(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    await ready_to_ask(desktop, phone)
    back = await consent(phone, OperatorPlay.MATCH)
    member = await desktop.member()
    await in_database(site, become_gold_otherwise, member["id"], generate_id_number(90))
    assert (await show(phone, back)).location == "/phone"
    assert (await show(phone, "/phone")).outcome == "already_gold"
    other, phone_2 = await site.visitor(), await site.visitor()
    closing = await other.register(OTHER_MOBILE)
    await ready_to_ask(other, phone_2)
    await in_database(site, begin_closing, closing["id"])
    assert (await asked(phone_2, OperatorPlay.MATCH)).outcome == "account_closing"
    assert (await send(other, "/ways/telecom/begin")).code == "account_closing"
    assert (await send(desktop, "/ways/telecom/begin")).code == "already_gold"


# How often.


async def test_a_number_is_asked_about_three_times_a_day(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    await ready_to_ask(desktop, phone)
    for allowed in (True, True, False):
        await asked(phone, OperatorPlay.NAME)
        refused = await written(phone)
        assert (refused.status == 303) is allowed
    assert "three times today" in refused.text
    assert 'id="other-online"' in refused.text
    # Another number may be asked about, and this one tomorrow.
    assert (await written(phone, mobile="0912345679")).location == "/phone"
    await send(phone, "/phone/back")
    site.clock.offset += TRIES_S
    fresh = await site.visitor()
    await desktop.register()
    await ready_to_ask(desktop, fresh)


async def test_strangers_do_not_lock_a_number(site: Site, desktop: Visitor, phone: Visitor) -> None:
    stranger, their_phone = await site.visitor(), await site.visitor()
    await stranger.register(OTHER_MOBILE)
    await ready_to_ask(stranger, their_phone)
    for _ in range(3):
        await asked(their_phone, OperatorPlay.OTHER_PERSON)
        await written(their_phone)
    await ready_to_ask(desktop, phone)
    assert (await asked(phone, OperatorPlay.MATCH)).outcome == "gold"


async def test_one_applicant_does_not_try_numbers_for_ever(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    await ready_to_ask(desktop, phone)
    for number in range(10):
        await asked(phone, OperatorPlay.OTHER_NUMBER)
        answered = await written(phone, mobile=f"09123400{number:02}")
    assert answered.status == 422
    assert await in_database(site, count_tries) == 10
