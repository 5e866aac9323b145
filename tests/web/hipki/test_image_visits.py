"""New sites that read the image and nothing else: the citizen is told, once a minute at most."""

import asyncio
from collections.abc import Callable
from queue import Empty

import pytest

from agent.consent.permissions import Permission
from agent.consent.questions import AllowSite, SiteAnswer
from agent.origin import Origin
from agent.virtualcard.card import VirtualCard
from agent.web.hipki import image_visits
from agent.web.hipki.image_visits import ImageVisits
from tests.web.hipki.desk import Desk
from tests.web.hipki.rig import SECONDS, SITE, STRANGER, Rig

CardFactory = Callable[..., VirtualCard]
REFUSED = b'"ret_code":1979711537'


async def told(*visits: tuple[float, str], forgotten: str = "") -> list[str]:
    """Return which sites were told of, after visits at some seconds."""
    heard: list[str] = []
    clock = iter([when for when, _ in visits])
    noted = ImageVisits(lambda site: heard.append(str(site)), 0.0, lambda: next(clock))
    for _, site in visits:
        await noted.note(Origin.parse(site))
        if forgotten:
            noted.forget(Origin.parse(forgotten))
        await asyncio.sleep(0.01)
    return heard


async def test_a_site_is_told_of_once_a_minute() -> None:
    assert await told((0, SITE), (2, SITE), (59, SITE)) == [SITE]
    assert await told((0, SITE), (61, SITE)) == [SITE, SITE]


async def test_all_hosts_of_one_domain_share_the_minute() -> None:
    one, two = "https://1.pest.example", "https://2.pest.example:8443"
    assert await told((0, one), (1, two), (2, one)) == [one]
    assert await told((0, one), (1, SITE)) == [one, SITE]


async def test_a_site_that_asks_in_another_way_is_not_told_of() -> None:
    assert await told((0, SITE), forgotten=SITE) == []
    assert await told((0, SITE), forgotten=STRANGER) == [SITE]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(image_visits, "QUIET_SECONDS", 0.0)
    return Desk()


def test_whoever_has_an_origin_is_told_of_and_nobody_else(
    make_card: CardFactory, desk: Desk
) -> None:
    with Rig(make_card(), consent="ask", prompter=desk) as rig:
        rig.allow(SITE)
        blocked = Origin.parse("https://blocked.example")
        rig.permissions.remember(blocked, Permission.BLOCKED)
        for origin in (SITE, str(blocked), "null", None):
            rig.get("/p11Image.bmp", origin)
        rig.get("/p11Image.bmp", Referer=f"{STRANGER}/", Sec_Fetch_Site="cross-site")
        rig.get("/p11Image.bmp", STRANGER)
        assert str(rig.waiting.get(timeout=SECONDS)) == STRANGER
        assert rig.waiting.empty()
        assert desk.asked.empty()  # no window by itself


def test_where_no_window_opens_nobody_is_told(make_card: CardFactory) -> None:
    with Rig(make_card(), consent="ask") as rig:
        rig.get("/p11Image.bmp", STRANGER)
        with pytest.raises(Empty):
            rig.waiting.get(timeout=0.3)


@pytest.mark.parametrize("answer", [SiteAnswer.ALWAYS, SiteAnswer.CANCEL, SiteAnswer.NEVER])
def test_the_answer_shows_in_the_image(
    make_card: CardFactory, desk: Desk, answer: SiteAnswer
) -> None:
    card = make_card()
    with Rig(card, consent="ask", prompter=desk) as rig:
        assert REFUSED not in rig.get("/p11Image.bmp", STRANGER).body
        site = rig.waiting.get(timeout=SECONDS)
        desk.answers.put(answer)
        rig.call(rig.door.ask_about(site))
        question = desk.seen()
        assert isinstance(question, AllowSite)
        assert question.site == site
        seen = rig.get("/p11Image.bmp", STRANGER).body
        assert (card.data.serial.encode() in seen) is (answer is SiteAnswer.ALWAYS)
        assert (REFUSED in seen) is (answer is not SiteAnswer.ALWAYS)
