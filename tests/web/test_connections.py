"""Strangers' connections give way to each other, and never touch those of allowed sites."""

from agent.origin import OWN_PAGE, Origin
from agent.seldom import SeldomLog
from agent.web.front.connections import Connections

ALLOWED = Origin.parse("https://shop.example")


class Line:
    """A connection that remembers that it was cut."""

    def __init__(self) -> None:
        self.is_cut = False

    def cut(self) -> None:
        self.is_cut = True


def crowd(strangers: int, kept: int = 10) -> Connections:
    keep = {ALLOWED, OWN_PAGE}.__contains__
    return Connections(keep, SeldomLog("test"), strangers=strangers, kept=kept)


def connect(to: Connections, caller: Origin | None = None) -> Line:
    line = Line()
    to.opened(line)
    to.speaks(line, caller)
    return line


def pest(number: int) -> Origin:
    return Origin.parse(f"https://{number}.pest.example")


def test_a_domain_with_many_names_cuts_its_own_connections() -> None:
    connections = crowd(10)
    honest = connect(connections, Origin.parse("https://honest.example"))
    pests = [connect(connections, pest(number)) for number in range(30)]
    assert not honest.is_cut
    assert [each.is_cut for each in pests] == [True] * 21 + [False] * 9
    assert len(connections) == 10


def test_silent_connections_cut_the_oldest_silent_one() -> None:
    connections = crowd(4)
    honest = connect(connections, Origin.parse("https://honest.example"))
    silent = [connect(connections) for _ in range(9)]
    assert not honest.is_cut
    assert [each.is_cut for each in silent] == [True] * 6 + [False] * 3


def test_strangers_do_not_touch_what_is_kept_nor_the_other_way_round() -> None:
    connections = crowd(3)
    kept = [connect(connections, caller) for caller in (ALLOWED, OWN_PAGE) for _ in range(4)]
    strangers = [connect(connections, pest(number)) for number in range(20)]
    assert not any(each.is_cut for each in kept)
    assert sum(not each.is_cut for each in strangers) == 3


def test_an_allowed_site_with_too_many_connections_cuts_its_own() -> None:
    connections = crowd(3, kept=4)
    page = connect(connections, OWN_PAGE)
    lines = [connect(connections, ALLOWED) for _ in range(6)]
    connect(connections, OWN_PAGE)  # whoever comes finds room, and that is when it is made
    assert not page.is_cut
    assert [each.is_cut for each in lines] == [True] * 3 + [False] * 3


def test_what_was_closed_counts_no_longer() -> None:
    connections = crowd(2)
    for _ in range(10):
        line = connect(connections, pest(1))
        connections.closed(line)
        assert not line.is_cut
    assert len(connections) == 0


def test_a_site_that_is_taken_back_keeps_no_more_than_strangers_have() -> None:
    keep = {ALLOWED}
    connections = Connections(keep.__contains__, SeldomLog("test"), strangers=3, kept=10)
    lines = [connect(connections, ALLOWED) for _ in range(8)]
    keep.clear()
    connect(connections, pest(1))
    assert [each.is_cut for each in lines] == [True] * 6 + [False] * 2
    assert len(connections) == 3
