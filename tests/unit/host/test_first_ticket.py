"""The ticket of the first page: neither it nor the answer to it opens anything alone."""

import json
import threading
from pathlib import Path

import pytest

from agent.host.instance.first_ticket import (
    PURPOSE,
    TICKET_SECONDS,
    WAIT_SECONDS,
    FirstTickets,
    Ticket,
    make_ticket,
)
from agent.host.instance.panel_key import PanelKey
from agent.host.instance.panel_opening import first_address
from agent.host.instance.running import Instance
from agent.host.machine.paths import Paths

SECRET = bytes(32)


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tickets(clock: Clock) -> FirstTickets:
    return FirstTickets(SECRET, clock)


def token(ticket: Ticket, answer: str | None) -> str:
    return f"{ticket.claim}.{ticket.half}.{answer}"


def test_ticket_and_answer_together_open_once(clock: Clock, tickets: FirstTickets) -> None:
    ticket = make_ticket(SECRET, clock)
    whole = token(ticket, tickets.claim(ticket.claim))
    assert tickets.spend(whole)
    assert not tickets.spend(whole)


def test_a_ticket_alone_opens_nothing(clock: Clock, tickets: FirstTickets) -> None:
    """Who reads it in a list of processes, a history, or at a port that was ours."""
    ticket = make_ticket(SECRET, clock)
    for answer in ("", "A" * 43, "None"):
        assert not tickets.spend(token(ticket, answer))
    tickets.claim(ticket.claim)
    for answer in ("", "A" * 43, "None"):
        assert not tickets.spend(token(ticket, answer))
    assert tickets.claim(ticket.claim) is None


def test_what_travels_on_plain_http_opens_nothing(clock: Clock, tickets: FirstTickets) -> None:
    ticket, other = make_ticket(SECRET, clock), make_ticket(SECRET, clock)
    answer = tickets.claim(ticket.claim)
    assert ticket.half not in ticket.claim
    assert not tickets.spend(token(Ticket(ticket.claim, other.half), answer))
    assert not tickets.spend(f"{ticket.claim}..{answer}")
    assert not tickets.spend(f"{ticket.claim}.{answer}")


def test_answers_of_two_tickets_make_no_whole(clock: Clock, tickets: FirstTickets) -> None:
    first, second = make_ticket(SECRET, clock), make_ticket(SECRET, clock)
    answers = tickets.claim(first.claim), tickets.claim(second.claim)
    assert not tickets.spend(token(first, answers[1]))
    assert tickets.spend(token(first, answers[0]))


def test_of_many_who_claim_a_ticket_one_is_answered(clock: Clock, tickets: FirstTickets) -> None:
    ticket = make_ticket(SECRET, clock)
    together = threading.Barrier(8)
    answers: list[str | None] = []

    def come() -> None:
        together.wait()
        answers.append(tickets.claim(ticket.claim))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(None) == 7


def test_a_ticket_dies_of_age_and_so_does_its_answer(clock: Clock, tickets: FirstTickets) -> None:
    old, young = make_ticket(SECRET, clock), make_ticket(SECRET, clock)
    answer = tickets.claim(young.claim)
    clock.now += TICKET_SECONDS + 1
    assert tickets.claim(old.claim) is None
    clock.now += WAIT_SECONDS
    assert not tickets.spend(token(young, answer))
    assert tickets.claim(young.claim) is None


def test_a_page_may_wait_for_its_browser_to_be_started_anew(
    clock: Clock, tickets: FirstTickets
) -> None:
    ticket = make_ticket(SECRET, clock)
    answer = tickets.claim(ticket.claim)
    clock.now += WAIT_SECONDS - 1
    assert tickets.spend(token(ticket, answer))


def test_a_clock_that_was_set_back_makes_no_ticket_last_longer(
    clock: Clock, tickets: FirstTickets
) -> None:
    ticket = make_ticket(SECRET, clock)
    clock.now -= 3600
    assert tickets.claim(ticket.claim) is None


def test_tickets_of_another_run_are_worth_nothing(clock: Clock, tickets: FirstTickets) -> None:
    ticket = make_ticket(b"\1" * 32, clock)
    assert tickets.claim(ticket.claim) is None


def test_one_changed_letter_anywhere_makes_it_worthless(
    clock: Clock, tickets: FirstTickets
) -> None:
    claim, half = make_ticket(SECRET, clock)
    for place in range(len(claim) - 1):  # the last letter carries fewer bits
        other = "A" if claim[place] != "A" else "B"
        assert tickets.claim(claim[:place] + other + claim[place + 1 :]) is None
    answer = tickets.claim(claim)
    for place in range(len(half) - 1):
        other = "A" if half[place] != "A" else "B"
        changed = half[:place] + other + half[place + 1 :]
        assert not tickets.spend(f"{claim}.{changed}.{answer}")
    assert tickets.spend(f"{claim}.{half}.{answer}")


@pytest.mark.parametrize(
    "garbage", ["", ".", "..", "A", "=", "\0", "é" * 54, "A" * 54, "A" * 5000, "A.B.C.D", "A\nB"]
)
def test_garbage_is_no_ticket(tickets: FirstTickets, garbage: str) -> None:
    assert tickets.claim(garbage) is None
    assert not tickets.spend(garbage)


def test_a_ticket_is_no_token_of_the_panel_and_the_other_way_round(tickets: FirstTickets) -> None:
    key = PanelKey(SECRET)
    assert tickets.claim(key.make_token()) is None
    ticket = make_ticket(key.derive(PURPOSE))
    assert not key.spend(ticket.claim)
    assert not key.spend(ticket.half)


# The address.


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.choose(tmp_path)


def test_the_address_of_a_running_agent_is_plain_and_has_no_token(paths: Paths) -> None:
    with Instance(paths) as instance:
        key = PanelKey.create(paths.panel_key)
        instance.announce(port=28444, hipki_port=61161)
        plain, _, fragment = first_address(paths, "history").partition("#")
    assert plain == "http://127.0.0.1:61161/first"
    given = dict(part.split("=") for part in fragment.split("&"))
    assert given.keys() == {"page", "claim", "half"}
    assert given["page"] == "history"
    assert not any(map(key.spend, given.values()))
    answer = FirstTickets(key.derive(PURPOSE)).claim(given["claim"])
    assert answer is not None


def test_where_the_plain_port_is_not_ours_it_is_the_panel_s_own(paths: Paths) -> None:
    with Instance(paths) as instance:
        PanelKey.create(paths.panel_key)
        instance.announce(port=28444, missing=(61161,))
        address = first_address(paths, "doctor")
    assert address.startswith("https://localhost:28444/panel/#token=")
    assert address.endswith("&page=doctor")


def test_a_port_that_a_killed_agent_left_behind_is_not_ours(paths: Paths) -> None:
    PanelKey.create(paths.panel_key)
    paths.instance.write_text(json.dumps({"pid": 1, "port": 28444, "hipki_port": 61161}))
    assert first_address(paths).startswith("https://localhost:28444/panel/#token=")
