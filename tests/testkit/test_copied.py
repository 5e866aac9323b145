"""What a page asked for is copied as a test, which runs, and holds nothing of a person."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.origin import Origin
from agent.testkit.replay import OtherAgentError, filled, send
from agent.web.recorder.as_test import as_test
from agent.web.recorder.recorder import CallRecorder, RecordedCall, browser_of
from tests.testkit.conftest import SITE, Stand

MARK = "A123456789"
DUMMY_PIN = "246810"


def call(origin: str, method: str, outcome: str | None = "ok", **more: Any) -> RecordedCall:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    return RecordedCall(origin, "native", "fetch", None, at, method, outcome=outcome, **more)


def run(source: str, stand: Stand) -> None:
    """Run a copied test as pytest would."""
    found: dict[str, Any] = {}
    exec(compile(source, "copied", "exec"), found)  # noqa: S102  # that is what the test is about
    found["test_the_page_is_answered_as_before"](stand.agent, stand.agent.readers[0])


def test_a_recorded_page_can_be_tested_again(stand: Stand) -> None:
    stand.agent.answer("enter_pin", "cancel", times=1)
    stand.agent.answer("enter_pin", {"pin": "card"})
    assert [stand.sign(), stand.sign(), stand.sign(pin=stand.card.pin)] == [
        "user_cancelled",
        "ok",
        "ok",
    ]
    stand.ask("status", origin="https://other.example")
    recorded = [
        RecordedCall(
            each["origin"],
            each["door"],
            each["transport"],
            None,
            datetime.now(UTC),
            each["method"],
            each["shape"],
            each["outcome"],
            asked=each["asked"],
        )
        for each in stand.agent.requests()
    ]
    source = as_test(recorded, SITE)
    assert source.count("replay(") == 6
    assert "other.example" not in source
    stand.agent.reset()
    run(source, stand)
    again = [(each["method"], each["outcome"]) for each in stand.agent.requests(SITE)]
    assert again == [(each.method, each.outcome) for each in recorded if each.origin == SITE]


def test_what_cannot_be_sent_again_is_named() -> None:
    other = call(SITE, "MakeSignature", "0")
    other.door = "hipki"
    source = as_test([other, call(SITE, "sign", None), call(SITE, "cancel")], SITE)
    compile(source, "copied", "exec")
    assert "# hipki MakeSignature" in source
    assert "# sign: None" in source
    assert "replay(" not in source


def test_a_site_without_calls_makes_a_test_that_can_be_read() -> None:
    compile(as_test([], SITE), "copied", "exec")


@given(
    text=st.text(max_size=8),
    name=st.sampled_from(("data", "pin", "document_name", "hash", "certificate", MARK, "x'y")),
)
def test_nothing_of_a_person_is_in_a_copied_test(text: str, name: str) -> None:
    recorder = CallRecorder(lambda: datetime(2020, 1, 1, tzinfo=UTC), always=True)
    with recorder.recording(Origin.parse(SITE), "native", "fetch") as entry:
        entry.request("sign", {"params": {name: f"{text}{MARK}", "data": f"{MARK}{text}".encode()}})
    source = as_test(recorder.ring, SITE)
    compile(source, "copied", "exec")
    assert MARK not in source


def test_dummies_are_as_long_as_what_was_recorded() -> None:
    shape = {
        "id": "<number>",
        "params": {
            "data": "<octets 3>",
            "document_name": "<text 4>",
            "hash": "SHA-256",
            "pin": "<pin>",
            "items": ["<list 2>", {"digest": "<octets 1>"}],
            "none": "<list 2>",
            "blind": True,
            "reader": "<text 23>",
        },
    }
    assert filled(shape, DUMMY_PIN) == {
        "params": {
            "data": "AAAA",
            "document_name": "xxxx",
            "hash": "SHA-256",
            "pin": DUMMY_PIN,
            "items": [{"digest": "AA=="}] * 2,
            "none": [],
            "blind": True,
        }
    }


def test_nothing_is_sent_to_another_program(stand: Stand) -> None:
    with pytest.raises(OtherAgentError):
        send(stand.agent.port, "AAAA", SITE, "status", {})
    assert stand.agent.requests() == []


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
            "Chrome 156",
        ),
        ("Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36 Edg/156.0.1.2", "Edg 156"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "Firefox 153"),
        ("curl/8.0", None),
        ("", None),
    ],
)
def test_an_export_names_the_browser_and_nothing_else_of_it(said: str, name: str | None) -> None:
    assert browser_of(said) == name
    first = next(iter(CallRecorder().export(browser=browser_of(said))))
    assert "Mozilla" not in first
