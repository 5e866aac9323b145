"""The recorder: off unless somebody wants it, bounded, fair, and gone by itself."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.web.recorder.recorder import LIFETIME, MAX_ENTRIES, CallRecorder

SITE = Origin.parse("https://shop.example")


class Hand:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def recorder(hand: Hand) -> CallRecorder:
    return CallRecorder(hand)


def call(recorder: CallRecorder, method: str = "sign", site: Origin = SITE) -> None:
    with recorder.recording(site, "native", "fetch") as entry:
        entry.request(method, {"hash": "SHA-256"})


def methods(recorder: CallRecorder) -> list[str]:
    return [each["method"] for each in recorder.calls()]


def test_nothing_is_kept_unless_somebody_wants_it(recorder: CallRecorder) -> None:
    assert not recorder.is_on
    call(recorder)
    recorder.missed(17040, "tls_untrusted")
    recorder.start()
    assert recorder.calls() == recorder.never_calls() == []


def test_it_goes_off_by_itself(recorder: CallRecorder, hand: Hand) -> None:
    recorder.start()
    assert recorder.until == hand.now + LIFETIME
    hand.now += LIFETIME - timedelta(seconds=1)
    call(recorder, "status")
    hand.now += timedelta(seconds=1)
    call(recorder, "sign")
    assert not recorder.is_on
    assert methods(recorder) == ["status"]


def test_a_clock_that_is_set_back_keeps_it_on_no_longer(recorder: CallRecorder, hand: Hand) -> None:
    recorder.start()
    hand.now -= timedelta(days=365)
    assert not recorder.is_on


def test_for_the_life_of_the_process_it_stays_on_until_it_is_stopped(hand: Hand) -> None:
    recorder = CallRecorder(hand, always=True)
    hand.now += timedelta(days=30)
    call(recorder)
    assert recorder.until is None
    recorder.stop()
    call(recorder, "status")
    assert methods(recorder) == ["sign"]
    recorder.clear()
    assert recorder.calls() == []


def test_the_ring_is_bounded_and_a_flood_pushes_out_its_own(recorder: CallRecorder) -> None:
    recorder.start()
    call(recorder, "status")
    for number in range(2 * MAX_ENTRIES):
        name = Origin.parse(f"https://a{number}.evil.example")
        call(recorder, f"m{number % 1000}", name)
    call(recorder, "sign")
    kept = recorder.calls()
    assert len(kept) == MAX_ENTRIES
    assert [each["method"] for each in kept if each["origin"] == str(SITE)] == ["status", "sign"]
    assert recorder.ring.dropped == MAX_ENTRIES + 2


def test_the_same_call_again_and_again_is_one_line(recorder: CallRecorder, hand: Hand) -> None:
    recorder.start()
    for _ in range(3):
        hand.now += timedelta(seconds=1)
        call(recorder, "status")
        call(recorder, "other", Origin.parse("https://other.example"))
    call(recorder)
    call(recorder, "status")
    found = [(each["method"], each["times"]) for each in recorder.calls()]
    assert found == [("status", 3), ("other", 3), ("sign", 1), ("status", 1)]
    assert recorder.calls()[0]["at"] == "2026-01-01T12:00:03.000Z"


def test_a_call_that_waits_is_seen_and_then_how_it_ended(recorder: CallRecorder) -> None:
    recorder.start()
    with recorder.recording(SITE, "jrsys", "socket", port=17040) as entry:
        entry.request("IsGCACardPresent")
        assert [each["outcome"] for each in recorder.calls()] == [None]
        entry.outcome(0)
    assert [each["outcome"] for each in recorder.calls()] == [0]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (AgentError("x", code=ErrorCode.NO_CARD), "no_card"),
        (asyncio.CancelledError(), "cancelled"),
        (ZeroDivisionError("secret"), "internal"),
    ],
)
def test_what_leaves_the_door_is_the_outcome(
    recorder: CallRecorder, error: BaseException, outcome: str
) -> None:
    recorder.start()
    with pytest.raises(type(error)), recorder.recording(SITE, "hipki", "direct"):
        raise error
    (found,) = recorder.calls()
    assert (found["method"], found["outcome"]) == (None, outcome)


def test_a_call_under_way_does_not_outlive_the_clearing(recorder: CallRecorder) -> None:
    recorder.start()
    with recorder.recording(SITE, "native", "fetch") as entry:
        entry.request("sign")
        recorder.clear()
    assert recorder.calls() == []


def test_an_export_is_lines_of_json_of_one_site_or_of_all(recorder: CallRecorder) -> None:
    recorder.start()
    call(recorder)
    call(recorder, site=Origin.parse("https://other.example"))
    recorder.missed(17040, "tls_untrusted")
    recorder.missed(17040, "tls_untrusted")
    first, *rest = map(json.loads, recorder.export())
    assert first["schema"] == "ankong.record.v1"
    assert [each.get("origin") for each in rest] == [str(SITE), "https://other.example", None]
    assert rest[-1] | {"at": ""} == {
        "at": "",
        "port": 17040,
        "outcome": "tls_untrusted",
        "times": 2,
    }
    _, *of_site = map(json.loads, recorder.export(str(SITE)))
    assert [each["origin"] for each in of_site] == [str(SITE)]
