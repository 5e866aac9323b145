"""A page cannot bury the citizen in windows: one at a time, and a pause after refusals."""

import asyncio
from contextlib import suppress

import pytest
from msgspec.structs import replace

from agent.consent import stranger_line
from agent.consent.questions import CARD_PULLED, AllowSite, EnterPin, NoPrompter, SiteAnswer
from agent.consent.queue import (
    CANCEL_PAUSES,
    COMMON_PAUSES,
    FORGIVEN,
    MAX_SITES,
    NEWCOMER_PAUSES,
    NEWCOMERS,
    OFFER_BLOCK,
    PAUSES,
    PromptQueue,
)
from agent.consent.stranger_line import MAX_STRANGERS
from agent.errors import AgentError, ErrorCode, RateLimitedError
from agent.origin import Origin
from agent.secret import SecretBytes
from tests.signing.prompt_support import (
    ALLOW,
    LAST,
    LOCKED,
    OTHER,
    PIN,
    SITE,
    Answer,
    Citizen,
    refuses,
    says,
    types,
)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """A queue before a citizen, with a clock to turn."""

    def __init__(self, *answers: Answer) -> None:
        self.citizen = Citizen(answers)
        self.clock = Clock()
        self.blocked: list[Origin] = []
        self.turns = PromptQueue(self.citizen, self.blocked.append, self.clock)

    async def code(self, prompt: AllowSite | EnterPin = PIN) -> ErrorCode:
        with pytest.raises(AgentError) as error:
            await self.turns.ask(prompt)
        return error.value.code


async def test_two_sites_are_asked_about_one_after_the_other() -> None:
    desk = Desk()
    first = asyncio.create_task(desk.turns.ask(ALLOW))
    second = asyncio.create_task(desk.turns.ask(AllowSite(OTHER)))
    await desk.citizen.shown()
    await asyncio.sleep(0)
    assert desk.citizen.asked == [ALLOW]
    desk.citizen.answers = [says(SiteAnswer.ALWAYS)]
    first.cancel()
    assert await second is SiteAnswer.ALWAYS
    assert desk.citizen.asked == [ALLOW, AllowSite(OTHER)]


async def test_a_site_has_one_question_open() -> None:
    desk = Desk()
    first = asyncio.create_task(desk.turns.ask(ALLOW))
    await desk.citizen.shown()
    assert await desk.code(PIN) is ErrorCode.BUSY
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert desk.citizen.cancelled == 1
    desk.citizen.answers = [types("246813")]
    assert await desk.turns.ask(PIN)


def pest(number: int) -> AllowSite:
    return AllowSite(Origin.parse_any(f"https://{number}.pest.example"))


def stranger(number: int) -> AllowSite:
    return AllowSite(Origin.parse_any(f"https://www.stranger{number}.example"))


async def test_a_strangers_window_gives_way_to_an_allowed_site_s_and_comes_back() -> None:
    desk = Desk()
    asking = asyncio.create_task(desk.turns.ask(pest(1)))
    await desk.citizen.shown()
    open_then: list[int] = []

    def typed(_: object) -> object:
        open_then.append(desk.citizen.cancelled)
        return SecretBytes.from_text("246813")

    desk.citizen.answers = [typed, says(SiteAnswer.ALWAYS)]
    assert await desk.turns.ask(PIN)
    assert open_then == [1]  # it was closed before the other was shown
    assert await asking is SiteAnswer.ALWAYS
    assert desk.citizen.asked == [pest(1), PIN, pest(1)]


async def test_no_strangers_window_opens_while_an_allowed_site_s_is_open_or_due() -> None:
    desk = Desk()
    first = asyncio.create_task(desk.turns.ask(PIN))
    await desk.citizen.shown()
    second = asyncio.create_task(desk.turns.ask(replace(PIN, site=OTHER)))
    new = asyncio.create_task(desk.turns.ask(pest(1)))
    for _ in range(20):
        await asyncio.sleep(0)
    assert desk.citizen.asked == [PIN]
    desk.citizen.answers = [types("246813"), says(SiteAnswer.ALWAYS)]
    first.cancel()
    assert await new is SiteAnswer.ALWAYS
    assert desk.citizen.asked == [PIN, replace(PIN, site=OTHER), pest(1)]
    await asyncio.gather(first, second, return_exceptions=True)


@pytest.mark.parametrize("is_open", [True, False])
async def test_who_gives_up_while_a_window_is_taken_away_is_not_asked_about_again(
    *, is_open: bool
) -> None:
    desk = Desk()
    asking = asyncio.create_task(desk.turns.ask(pest(1)))
    await desk.citizen.shown()
    pin = asyncio.create_task(desk.turns.ask(PIN))
    for _ in range(20 if is_open else 0):
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    pin.cancel()
    await asyncio.gather(pin, return_exceptions=True)
    assert pest(1) not in desk.citizen.asked[1:]


async def test_a_window_that_was_taken_away_or_never_shown_was_not_refused() -> None:
    desk = Desk()
    for _ in range(4):
        desk.citizen.is_asked.clear()
        pin = asyncio.create_task(desk.turns.ask(replace(PIN, site=OTHER)))
        await desk.citizen.shown()
        asking = asyncio.create_task(desk.turns.ask(ALLOW))
        for _ in range(20):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        pin.cancel()
        await asyncio.gather(pin, return_exceptions=True)
        desk.clock.now += max(PAUSES)
    desk.citizen.answers = [says(SiteAnswer.ALWAYS)]
    assert await desk.turns.ask(ALLOW) is SiteAnswer.ALWAYS


async def test_a_page_with_many_names_has_one_place_in_the_line() -> None:
    desk = Desk()
    asking = asyncio.create_task(desk.turns.ask(pest(1)))
    await desk.citizen.shown()
    for number in range(2, 60):
        assert await desk.code(pest(number)) is ErrorCode.BUSY
    desk.citizen.is_asked.clear()
    honest = asyncio.create_task(desk.turns.ask(ALLOW))
    await asyncio.sleep(0)
    asking.cancel()
    await desk.citizen.shown()
    assert desk.citizen.asked == [pest(1), ALLOW]
    honest.cancel()
    await asyncio.gather(asking, honest, return_exceptions=True)


async def test_in_a_crowd_who_has_not_asked_before_is_asked_about_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    crowd = [asyncio.create_task(desk.turns.ask(stranger(number))) for number in range(60)]
    await desk.citizen.shown()
    monkeypatch.setattr(stranger_line, "SHOWN_SECONDS", 0.2)
    honest = asyncio.create_task(desk.turns.ask(ALLOW))
    while ALLOW not in desk.citizen.asked:
        await asyncio.sleep(0)
        again = [number for number, task in enumerate(crowd) if task.done()]
        for number in again:  # they never give up
            crowd[number] = asyncio.create_task(desk.turns.ask(stranger(number)))
    assert desk.citizen.asked.index(ALLOW) == 1
    everybody = (honest, *crowd)
    for task in everybody:
        task.cancel()
    await asyncio.gather(*everybody, return_exceptions=True)


async def test_a_window_gives_way_only_where_more_ask_than_the_line_has_places(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stranger_line, "SHOWN_SECONDS", 0)
    desk = Desk()
    few = [asyncio.create_task(desk.turns.ask(stranger(n))) for n in range(MAX_STRANGERS)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert desk.citizen.asked == [stranger(0)]
    one_more = asyncio.create_task(desk.turns.ask(ALLOW))
    with pytest.raises(AgentError) as gave_way:
        await few[0]
    assert gave_way.value.code is ErrorCode.BUSY
    everybody = (one_more, *few)
    for task in everybody:
        task.cancel()
    await asyncio.gather(*everybody, return_exceptions=True)
    desk.citizen.answers = [says(SiteAnswer.ALWAYS)]
    assert await desk.turns.ask(stranger(99)) is SiteAnswer.ALWAYS


async def test_those_who_wait_are_asked_about_in_the_order_in_which_they_came() -> None:
    desk = Desk()
    few = [asyncio.create_task(desk.turns.ask(stranger(n))) for n in range(MAX_STRANGERS)]
    for task in few:
        await desk.citizen.shown()
        desk.citizen.is_asked.clear()
        task.cancel()
    await asyncio.gather(*few, return_exceptions=True)
    assert desk.citizen.asked == [stranger(n) for n in range(MAX_STRANGERS)]


async def test_names_below_a_domain_are_refused_together() -> None:
    free = PAUSES.index(next(pause for pause in PAUSES if pause))
    desk = Desk(*(says(SiteAnswer.CANCEL) for _ in range(free + 1)))
    for number in range(free):
        assert await desk.turns.ask(pest(number)) is SiteAnswer.CANCEL
    assert await desk.code(pest(98)) is ErrorCode.RATE_LIMITED
    desk.clock.now += PAUSES[free]
    assert await desk.turns.ask(pest(99)) is SiteAnswer.CANCEL


async def test_after_refusals_strangers_wait_together_but_for_who_was_never_refused() -> None:
    free = COMMON_PAUSES.index(next(pause for pause in COMMON_PAUSES if pause))
    desk = Desk(*(says(SiteAnswer.CANCEL) for _ in range(free)))
    for number in range(free):
        assert await desk.turns.ask(stranger(number)) is SiteAnswer.CANCEL
    assert await desk.code(stranger(0)) is ErrorCode.RATE_LIMITED
    desk.citizen.answers = [types("246813"), says(SiteAnswer.CANCEL)]
    assert await desk.turns.ask(PIN)  # who is allowed already does not wait with them
    assert await desk.turns.ask(stranger(98)) is SiteAnswer.CANCEL
    desk.clock.now += COMMON_PAUSES[free]
    assert await desk.code(stranger(1)) is ErrorCode.RATE_LIMITED
    desk.clock.now += COMMON_PAUSES[free + 1]
    desk.citizen.answers = [says(SiteAnswer.THIS_TIME), says(SiteAnswer.CANCEL)]
    assert await desk.turns.ask(ALLOW) is SiteAnswer.THIS_TIME
    # A yes says that the citizen is willing again.
    assert await desk.turns.ask(stranger(1)) is SiteAnswer.CANCEL


async def test_however_many_domains_somebody_owns_their_windows_come_to_an_end() -> None:
    hours = 5
    desk = Desk(*(says(SiteAnswer.CANCEL) for _ in range(1000)))
    end = desk.clock.now + hours * FORGIVEN
    number = 0
    while desk.clock.now < end:
        number += 1
        for domain in (number, number - 1):  # a new one, and one that was refused already
            with suppress(AgentError):
                await desk.turns.ask(stranger(domain))
        desk.clock.now += 5
    last = max(*NEWCOMER_PAUSES, *COMMON_PAUSES)
    free = len(NEWCOMER_PAUSES) + len(COMMON_PAUSES)
    assert len(desk.citizen.asked) <= free + 2 * hours * FORGIVEN / last
    # A yes begins anew.
    desk.clock.now += last
    desk.citizen.answers = [says(SiteAnswer.ALWAYS), *(refuses() for _ in range(NEWCOMERS))]
    assert await desk.turns.ask(ALLOW) is SiteAnswer.ALWAYS
    for one in range(NEWCOMERS):
        assert not desk.turns.newcomers_wait()
        assert await desk.code(stranger(-1 - one)) is ErrorCode.USER_CANCELLED
    assert desk.turns.newcomers_wait()
    assert await desk.code(stranger(-1 - NEWCOMERS)) is ErrorCode.RATE_LIMITED
    desk.clock.now += NEWCOMER_PAUSES[NEWCOMERS]
    assert not desk.turns.newcomers_wait()


async def test_who_came_into_the_line_before_the_last_refusal_waits_too() -> None:
    desk = Desk(*(says(SiteAnswer.CANCEL) for _ in range(NEWCOMERS - 1)))
    for number in range(NEWCOMERS - 1):
        await desk.turns.ask(stranger(number))
    desk.citizen.answers = [says(SiteAnswer.CANCEL)]
    last, late = await asyncio.gather(
        desk.turns.ask(stranger(100)), desk.turns.ask(stranger(101)), return_exceptions=True
    )
    assert last is SiteAnswer.CANCEL
    assert isinstance(late, AgentError)
    assert late.code is ErrorCode.RATE_LIMITED


async def test_what_could_not_be_asked_keeps_no_stranger_waiting() -> None:
    turns = PromptQueue(NoPrompter("no window"), lambda _: None, Clock())
    for number in range(20):
        with pytest.raises(AgentError) as error:
            await turns.ask(pest(number))
        assert error.value.code is ErrorCode.ORIGIN_NOT_ALLOWED


async def test_after_each_refusal_a_site_waits_longer() -> None:
    refusals = len(PAUSES) + 2
    desk = Desk(*(refuses(ErrorCode.TIMEOUT) for _ in range(refusals)))
    for count in range(1, refusals):
        assert await desk.code() is ErrorCode.TIMEOUT
        pause = PAUSES[min(count, len(PAUSES) - 1)]
        if pause:
            desk.clock.now += pause - 0.01
            assert await desk.code() is ErrorCode.RATE_LIMITED
            desk.clock.now += 0.01
    assert len(desk.citizen.asked) == refusals - 1


@pytest.mark.parametrize(
    "answer",
    [
        refuses(ErrorCode.TIMEOUT),
        refuses(ErrorCode.INTERNAL),
        refuses(ErrorCode.BUSY),
    ],
)
async def test_everything_but_an_answer_is_a_refusal(answer: Answer) -> None:
    desk = Desk(answer, answer)
    for _ in range(2):
        with suppress(AgentError):
            await desk.turns.ask(PIN)
    assert await desk.code() is ErrorCode.RATE_LIMITED


@pytest.mark.parametrize("answer", [refuses(), says(SiteAnswer.CANCEL), says(False)])
async def test_who_cancels_may_click_again_but_a_page_that_goes_on_comes_to_an_end(
    answer: Answer,
) -> None:
    free = CANCEL_PAUSES.index(next(pause for pause in CANCEL_PAUSES if pause))
    desk = Desk(*(answer for _ in range(free)))
    for _ in range(free):
        with suppress(AgentError):
            assert await desk.turns.ask(PIN) in (SiteAnswer.CANCEL, False)
    assert len(desk.citizen.asked) == free
    offers = [prompt.may_block for prompt in desk.citizen.asked if isinstance(prompt, EnterPin)]
    assert offers == [False] * OFFER_BLOCK + [True] * (free - OFFER_BLOCK)
    with pytest.raises(RateLimitedError) as error:
        await desk.turns.ask(PIN)
    assert error.value.retry_after == CANCEL_PAUSES[free]
    desk.clock.now += CANCEL_PAUSES[free] - 0.5
    with pytest.raises(RateLimitedError) as error:
        await desk.turns.ask(PIN)
    assert error.value.retry_after == 1  # whole seconds, never 0
    desk.clock.now += 0.5
    desk.citizen.answers = [types("246813"), answer]
    assert await desk.turns.ask(PIN)
    with suppress(AgentError):
        await desk.turns.ask(PIN)  # an answer begins anew


async def test_cancels_make_no_room_for_a_page_that_opens_and_closes_windows() -> None:
    gives_up = refuses(ErrorCode.TIMEOUT)
    desk = Desk(refuses(), gives_up, refuses(), gives_up)
    for _ in range(4):
        await desk.code()
    assert await desk.code() is ErrorCode.RATE_LIMITED


async def test_a_page_that_opens_and_closes_windows_is_made_to_wait() -> None:
    desk = Desk()
    for _ in range(2):
        desk.citizen.is_asked.clear()
        flashing = asyncio.create_task(desk.turns.ask(PIN))
        await desk.citizen.shown()
        flashing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await flashing
    assert await desk.code() is ErrorCode.RATE_LIMITED


async def test_a_pulled_card_says_nothing_about_the_site() -> None:
    desk = Desk(refuses(ErrorCode.TIMEOUT))
    assert await desk.code() is ErrorCode.TIMEOUT
    desk.citizen.has_answers = False
    for _ in range(5):
        desk.citizen.is_asked.clear()
        asking = asyncio.create_task(desk.turns.ask(PIN))
        await desk.citizen.shown()
        asking.cancel(CARD_PULLED)
        with pytest.raises(asyncio.CancelledError):
            await asking
    desk.citizen.answers = [refuses(ErrorCode.TIMEOUT)]
    assert await desk.code() is ErrorCode.TIMEOUT  # asked, without a pause
    assert await desk.code() is ErrorCode.RATE_LIMITED  # and the first refusal still counts


@pytest.mark.parametrize("answer", [says(SiteAnswer.THIS_TIME), says(True), types("246813")])
async def test_an_answer_makes_up_for_refusals(answer: Answer) -> None:
    desk = Desk(refuses(), answer, refuses(), answer)
    for prompt in (PIN, LAST):
        assert await desk.code() is ErrorCode.USER_CANCELLED
        await desk.turns.ask(prompt)
    assert len(desk.citizen.asked) == 4


async def test_being_told_of_a_lock_is_no_refusal() -> None:
    desk = Desk(*(says(None) for _ in range(5)))
    for _ in range(5):
        await desk.turns.ask(LOCKED)


async def test_refusals_are_forgiven_after_an_hour() -> None:
    desk = Desk(
        refuses(ErrorCode.TIMEOUT),
        refuses(ErrorCode.TIMEOUT),
        refuses(ErrorCode.TIMEOUT),
        refuses(ErrorCode.TIMEOUT),
        refuses(ErrorCode.TIMEOUT),
        refuses(ErrorCode.TIMEOUT),
    )
    for _ in range(5):
        await desk.code()
        desk.clock.now += max(PAUSES)
    assert await desk.code() is ErrorCode.TIMEOUT
    assert await desk.code() is ErrorCode.RATE_LIMITED
    desk.clock.now += FORGIVEN
    desk.citizen.answers = [refuses(ErrorCode.TIMEOUT), refuses(ErrorCode.TIMEOUT)]
    assert await desk.code() is ErrorCode.TIMEOUT
    assert await desk.code() is ErrorCode.TIMEOUT


async def test_another_site_does_not_wait_with_it() -> None:
    desk = Desk(refuses(ErrorCode.TIMEOUT), refuses(ErrorCode.TIMEOUT), says(SiteAnswer.ALWAYS))
    for _ in range(2):
        await desk.code()
    assert await desk.code() is ErrorCode.RATE_LIMITED
    assert await desk.turns.ask(AllowSite(OTHER)) is SiteAnswer.ALWAYS


async def test_a_pestering_site_can_be_blocked_in_the_pin_window() -> None:
    desk = Desk(*(refuses() for _ in range(OFFER_BLOCK)), refuses(ErrorCode.ORIGIN_BLOCKED))
    for _ in range(OFFER_BLOCK + 1):
        await desk.code()
        desk.clock.now += max(PAUSES)
    offers = [prompt.may_block for prompt in desk.citizen.asked if isinstance(prompt, EnterPin)]
    assert offers == [False] * OFFER_BLOCK + [True]
    assert desk.blocked == [SITE]


async def test_without_a_window_the_code_stays_clear() -> None:
    turns = PromptQueue(NoPrompter("none"), lambda _: None)
    assert not turns.can_ask()
    for _ in range(10):
        with pytest.raises(AgentError) as error:
            await turns.ask(PIN)
        assert error.value.code is ErrorCode.PIN_REQUIRED


async def test_what_is_remembered_of_sites_is_bounded() -> None:
    desk = Desk(*(refuses() for _ in range(MAX_SITES + 2)))
    for number in range(MAX_SITES + 2):
        await desk.code(replace(PIN, site=Origin.parse(f"https://s{number}.example")))
    assert len(desk.turns._refusals) == MAX_SITES
