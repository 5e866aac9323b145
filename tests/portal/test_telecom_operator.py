"""Asking a mobile operator: each thing that the stand-in plays, and answers of somebody else."""

import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import aiohttp
import pytest
from aiohttp import web

from agent.portal.telecom.client import (
    AUTHORIZE,
    KEYS,
    TOKEN,
    HolderAnswer,
    OperatorClient,
    OperatorSite,
    outcome_of,
)
from agent.portal.telecom.operator import (
    ConsentQuestion,
    NumberHolder,
    OperatorAnswerError,
    OperatorOutcome,
    OperatorUnavailableError,
)
from agent.portal.telecom.standin.site import OperatorPlay, create_operator
from agent.portal.telecom.states import TelecomOutcome
from agent.virtualcard.identity import generate_id_number
from tests.portal.programs import running
from tests.portal.telecom_support import STYLES, serving_on_loopback

BACK = "http://localhost:1/phone/operator"
HOLDER = NumberHolder("+886912345678", generate_id_number(1), "王測試", date(1990, 1, 31))
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def operator(http: aiohttp.ClientSession) -> AsyncIterator[OperatorClient]:
    async with serving_on_loopback(lambda issuer: create_operator(issuer, 600, STYLES)) as issuer:
        yield client_of(http, issuer)


def client_of(
    http: aiohttp.ClientSession, issuer: str, clock: Callable[[], float] = time.time
) -> OperatorClient:
    return OperatorClient(http, OperatorSite(issuer, "portal", BACK), clock)


async def consent(
    http: aiohttp.ClientSession, question: ConsentQuestion, play: OperatorPlay, button: str
) -> Mapping[str, str]:
    form = {"play": play.value, button: "1"}
    async with http.post(question.url, data=form, allow_redirects=False) as answer:
        assert answer.status == 303
        where = answer.headers["Location"]
    assert where.startswith(BACK + "?")
    return dict(parse_qsl(urlsplit(where).query))


async def played(
    http: aiohttp.ClientSession, operator: OperatorClient, play: OperatorPlay
) -> OperatorOutcome:
    question = operator.ask()
    answer = await consent(http, question, play, "agree")
    return await operator.read_answer(question, answer, HOLDER)


@pytest.mark.parametrize(
    ("play", "outcome"),
    [
        (OperatorPlay.MATCH, OperatorOutcome.MATCH),
        (OperatorPlay.OTHER_NUMBER, OperatorOutcome.OTHER_NUMBER),
        (OperatorPlay.OTHER_PERSON, OperatorOutcome.OTHER_PERSON),
        (OperatorPlay.BIRTH_DATE, OperatorOutcome.BIRTH_DATE_DIFFERS),
        (OperatorPlay.NAME, OperatorOutcome.NAME_DIFFERS),
        (OperatorPlay.NOT_KNOWN, OperatorOutcome.NOT_KNOWN),
        (OperatorPlay.PREPAID, OperatorOutcome.PREPAID),
        (OperatorPlay.RESELLER, OperatorOutcome.RESELLER),
        (OperatorPlay.COMPANY, OperatorOutcome.COMPANY),
        (OperatorPlay.WIFI, OperatorOutcome.NOT_MOBILE_NETWORK),
    ],
)
async def test_what_the_operator_says_has_an_outcome_of_its_own(
    http: aiohttp.ClientSession,
    operator: OperatorClient,
    play: OperatorPlay,
    outcome: OperatorOutcome,
) -> None:
    assert await played(http, operator, play) is outcome


@pytest.mark.parametrize(
    ("play", "check"),
    [
        (OperatorPlay.REPLAYED, "nonce"),
        (OperatorPlay.OTHER_APPLICATION, "audience"),
        (OperatorPlay.BAD_SIGNATURE, "signature"),
    ],
)
async def test_an_answer_to_another_question_is_refused(
    http: aiohttp.ClientSession, operator: OperatorClient, play: OperatorPlay, check: str
) -> None:
    with pytest.raises(OperatorAnswerError, match=check):
        await played(http, operator, play)


async def test_an_operator_that_is_down_gives_no_answer(
    http: aiohttp.ClientSession, operator: OperatorClient
) -> None:
    with pytest.raises(OperatorUnavailableError, match="503"):
        await played(http, operator, OperatorPlay.DOWN)


async def test_a_slow_operator_is_not_waited_for(http: aiohttp.ClientSession) -> None:
    async with serving_on_loopback(lambda issuer: create_operator(issuer, 600, STYLES)) as issuer:
        site = OperatorSite(issuer, "portal", BACK)
        hasty = OperatorClient(http, site, time.time, timeout_s=0.2)
        with pytest.raises(OperatorUnavailableError, match="TimeoutError"):
            await played(http, hasty, OperatorPlay.SLOW)


async def test_who_does_not_agree_has_said_so(
    http: aiohttp.ClientSession, operator: OperatorClient
) -> None:
    question = operator.ask()
    answer = await consent(http, question, OperatorPlay.MATCH, "refuse")
    assert await operator.read_answer(question, answer, HOLDER) is OperatorOutcome.CONSENT_REFUSED


async def test_an_answer_counts_once_and_for_its_own_question(
    http: aiohttp.ClientSession, operator: OperatorClient
) -> None:
    mine, other = operator.ask(), operator.ask()
    answer = await consent(http, mine, OperatorPlay.MATCH, "agree")
    with pytest.raises(OperatorAnswerError, match="state"):
        await operator.read_answer(other, answer, HOLDER)
    assert await operator.read_answer(mine, answer, HOLDER) is OperatorOutcome.MATCH
    with pytest.raises(OperatorUnavailableError, match="400"):
        await operator.read_answer(mine, answer, HOLDER)


async def test_a_code_is_worth_nothing_without_its_verifier(
    http: aiohttp.ClientSession, operator: OperatorClient
) -> None:
    mine, other = operator.ask(), operator.ask()
    answer = await consent(http, mine, OperatorPlay.MATCH, "agree")
    stolen = {"code": answer["code"], "state": other.state}
    with pytest.raises(OperatorUnavailableError, match="400"):
        await operator.read_answer(other, stolen, HOLDER)


@pytest.mark.parametrize("late_s", [-120, 3600])
async def test_an_answer_of_another_time_is_refused(
    http: aiohttp.ClientSession, late_s: float
) -> None:
    async with serving_on_loopback(lambda issuer: create_operator(issuer, 0, STYLES)) as issuer:
        late = client_of(http, issuer, lambda: time.time() + late_s)
        with pytest.raises(OperatorAnswerError, match=r"expiry|age"):
            await played(http, late, OperatorPlay.MATCH)


@pytest.mark.parametrize(
    ("answer", "check"),
    [({}, "state"), ({"state": "é"}, "state"), ({"state": "right"}, "code")],
)
async def test_a_browser_that_brings_no_answer_is_refused(
    operator: OperatorClient, answer: dict[str, str], check: str
) -> None:
    question = operator.ask()
    brought = {
        name: question.state if value == "right" else value for name, value in answer.items()
    }
    with pytest.raises(OperatorAnswerError, match=check):
        await operator.read_answer(question, brought, HOLDER)


async def test_a_consent_page_that_failed_is_no_answer(operator: OperatorClient) -> None:
    question = operator.ask()
    with pytest.raises(OperatorUnavailableError):
        await operator.read_answer(
            question, {"state": question.state, "error": "server_error"}, HOLDER
        )


def failing(path: str, handler: Handler) -> Callable[[str], web.Application]:
    """Return an operator that answers one call in its own way, and gives tokens of no worth."""

    async def tokens(_: web.Request) -> web.Response:
        return web.json_response({"access_token": "a", "id_token": "a.b.c", "token_type": "Bearer"})

    async def keys(_: web.Request) -> web.Response:
        return web.json_response({"keys": []})

    def app_of(_: str) -> web.Application:
        app = web.Application()
        app.router.add_post(TOKEN, handler if path == TOKEN else tokens)
        app.router.add_get(KEYS, handler if path == KEYS else keys)
        return app

    return app_of


async def _long(_: web.Request) -> web.Response:
    return web.Response(body=b'{"keys": [' + b" " * 100_000 + b"]}")


async def _html(_: web.Request) -> web.Response:
    return web.Response(text="<html>")


async def _elsewhere(_: web.Request) -> web.Response:
    return web.Response(status=307, headers={"Location": "http://localhost:1/"})


async def _not_strict(_: web.Request) -> web.Response:
    return web.json_response({"access_token": 1, "id_token": [], "token_type": "Bearer"})


@pytest.mark.parametrize(
    ("path", "handler", "why"),
    [
        (KEYS, _long, "too long"),
        (KEYS, _html, "not understood"),
        (TOKEN, _html, "not understood"),
        (TOKEN, _not_strict, "not understood"),
        (TOKEN, _elsewhere, "307"),
    ],
)
async def test_an_operator_that_is_not_understood_gives_no_answer(
    http: aiohttp.ClientSession, path: str, handler: Handler, why: str
) -> None:
    async with serving_on_loopback(failing(path, handler)) as issuer:
        operator = client_of(http, issuer)
        question = operator.ask()
        with pytest.raises(OperatorUnavailableError, match=why):
            await operator.read_answer(question, {"state": question.state, "code": "c"}, HOLDER)


@pytest.mark.parametrize(
    ("id_document", "name", "birth_date", "outcome"),
    [
        ("true", "true", "true", OperatorOutcome.MATCH),
        ("false", "false", "false", OperatorOutcome.OTHER_PERSON),
        ("true", "false", "false", OperatorOutcome.BIRTH_DATE_DIFFERS),
        ("not_available", "true", "false", OperatorOutcome.BIRTH_DATE_DIFFERS),
        ("not_available", "true", "true", OperatorOutcome.NOT_KNOWN),
        ("true", "not_available", "true", OperatorOutcome.NOT_KNOWN),
        ("true", "true", "not_available", OperatorOutcome.NOT_KNOWN),
    ],
)
def test_only_what_matches_whole_is_a_match(
    id_document: str, name: str, birth_date: str, outcome: OperatorOutcome
) -> None:
    known = {"idDocumentMatch": id_document, "nameMatch": name, "birthdateMatch": birth_date}
    assert outcome_of(HolderAnswer(**known)) is outcome  # type: ignore[arg-type]  # one of three texts


async def test_every_question_is_new_and_carries_no_data(http: aiohttp.ClientSession) -> None:
    operator = client_of(http, "http://127.0.0.1:1")
    first, second = operator.ask(), operator.ask()
    assert len({first.state, first.nonce, first.verifier, second.state, second.nonce}) == 5
    query = parse_qs(urlsplit(first.url).query)
    assert query["code_challenge_method"] == ["S256"]
    assert first.verifier not in first.url
    assert HOLDER.mobile not in first.url


async def test_an_operator_elsewhere_is_asked_by_https_only(http: aiohttp.ClientSession) -> None:
    with pytest.raises(ValueError, match="https"):
        client_of(http, "http://operator.example")


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "https://thief.example/"},
        {"code_challenge_method": "plain"},
        {"nonce": ""},
    ],
)
async def test_the_stand_in_sends_nobody_elsewhere(
    http: aiohttp.ClientSession, operator: OperatorClient, change: dict[str, str]
) -> None:
    parts = urlsplit(operator.ask().url)
    query = dict(parse_qsl(parts.query)) | change
    async with http.get(f"{parts.scheme}://{parts.netloc}{AUTHORIZE}", params=query) as answer:
        assert answer.status == 400


@pytest.mark.parametrize(
    ("tag", "words"),
    [("zh-TW", "確認您的門號"), ("en", "Confirm your number")],
)
async def test_the_consent_page_speaks_the_visitors_language(
    http: aiohttp.ClientSession, operator: OperatorClient, tag: str, words: str
) -> None:
    async with http.get(operator.ask().url, headers={"Accept-Language": tag}) as answer:
        page = await answer.text()
    assert words in page
    async with http.get(operator.ask().url.partition("/authorize")[0] + "/css/operator.css") as css:
        assert css.content_type == "text/css"
    assert all(f'value="{play.value}"' in page for play in OperatorPlay)


async def test_the_stand_in_is_a_program_that_says_where_it_is(
    http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with running("agent.portal.telecom.standin", tmp_path / "log") as program:
        operator = client_of(http, program.ready["url"])
        assert await played(http, operator, OperatorPlay.MATCH) is OperatorOutcome.MATCH
        assert await program.end(signal.SIGTERM) == 0


def test_every_outcome_of_an_operator_but_a_match_is_one_of_the_application() -> None:
    names = {outcome.value for outcome in OperatorOutcome} - {OperatorOutcome.MATCH}
    assert names <= {outcome.value for outcome in TelecomOutcome}
