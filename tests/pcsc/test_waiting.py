"""How a provider waits: whom it asks, for how long, and what ends it."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from agent.errors import ServiceUnavailableError
from agent.transport import pcsc
from agent.transport.pcsc_codes import E_CANCELLED
from tests.pcsc.contract import PATIENCE, start
from tests.pcsc.fake_scard import FakeScard, use

NO_SERVICE = 0x8010001D
SYSTEM_CANCELLED = 0x80100012
EMPTY = {b"Reader 0": 0x10010}


class TimelessScard(FakeScard):
    """A service whose time passes as soon as somebody waits."""

    def __init__(self, *, plug_and_play: bool = True) -> None:
        super().__init__(plug_and_play=plug_and_play)
        self.now = 0
        self.pauses: list[int] = []

    def _block(self, context: int, milliseconds: int, is_over: Callable[[], bool]) -> None:
        del context
        if not is_over():
            self.pauses.append(milliseconds)
            self.now += milliseconds // 1000


@pytest.mark.parametrize(
    ("readers", "plug_and_play", "pauses"),
    [
        (1, True, [1001, 2001, 4001, 8001, 16001, 30001, 30001, 9001]),
        (9, True, [1001, 2001, 4001, 8001, 16001, 30001, 30001, 9001]),
        (10, True, [1001] * 100),  # more than can be asked for
        (1, False, [1001] * 100),
    ],
)
def test_a_wait_looks_for_readers_by_itself(
    monkeypatch: pytest.MonkeyPatch, readers: int, plug_and_play: bool, pauses: list[int]
) -> None:
    fake = TimelessScard(plug_and_play=plug_and_play)
    monkeypatch.setattr(pcsc, "time", SimpleNamespace(monotonic=lambda: fake.now))
    fake.readers = {b"Reader %d" % number: 0x10010 for number in range(readers)}
    provider = use(monkeypatch, fake)
    states = provider.readers()
    assert provider.wait(states, 100) == states
    assert fake.pauses == pauses


def test_a_change_makes_the_looks_frequent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = TimelessScard()
    monkeypatch.setattr(pcsc, "time", SimpleNamespace(monotonic=lambda: fake.now))
    fake.readers = dict(EMPTY)
    provider = use(monkeypatch, fake)
    states = provider.wait(provider.readers(), 7)
    provider.wait(states, 8)
    fake.readers[b"Reader 0"] = 0x20020
    changed = provider.wait(states, 100)
    assert changed != states
    assert provider.wait(changed, 3) == changed
    assert fake.pauses == [1001, 2001, 4001, 8001, 1001, 2001]


def test_a_look_lists_the_readers_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeScard()
    fake.readers = dict(EMPTY)
    use(monkeypatch, fake).readers()
    assert fake.calls.count("SCardListReaders") == 1


@pytest.mark.parametrize(("cancelled", "listed"), [(1, 2), (4, 5), (5, 5)])
def test_a_look_that_is_cut_off_is_taken_again_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, cancelled: int, listed: int
) -> None:
    fake = FakeScard(plug_and_play=False)
    fake.readers = dict(EMPTY)
    provider = use(monkeypatch, fake)
    provider.readers()
    fake.calls.clear()
    fake.codes_once["SCardGetStatusChange"] = [E_CANCELLED] * cancelled
    if cancelled < listed:
        assert [state.name for state in provider.readers()] == ["Reader 0"]
    else:
        with pytest.raises(ServiceUnavailableError, match="faster"):
            provider.readers()
    assert fake.calls.count("SCardListReaders") == listed


def test_a_wait_without_a_service_ends_when_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcsc, "_SERVICE_POLL", 0.001)
    fake = FakeScard()
    fake.codes_once["SCardEstablishContext"] = [NO_SERVICE] * 5
    provider = use(monkeypatch, fake)
    with pytest.raises(ServiceUnavailableError):
        provider.wait((), PATIENCE)  # the first to find it out says so
    with pytest.raises(ServiceUnavailableError):
        provider.wait((), 0)
    assert provider.wait((), PATIENCE) == ()
    assert fake.calls.count("SCardEstablishContext") == 6


def test_a_service_that_breaks_a_wait_off_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came and went meanwhile is told by no count of the old one."""
    fake = FakeScard()
    fake.readers = dict(EMPTY)
    provider = use(monkeypatch, fake)
    states = provider.readers()
    fake.codes_once["SCardGetStatusChange"] = [0, SYSTEM_CANCELLED]  # the look, and the wait
    (after,) = provider.wait(states, 0.1)
    assert after.insertion != states[0].insertion
    assert len(fake.contexts) == 1


def test_a_closed_provider_leaves_its_wait_before_it_lets_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = FakeScard()
    fake.readers = dict(EMPTY)
    provider = use(monkeypatch, fake)
    states = provider.readers()
    waiting = start(lambda: provider.wait(states, PATIENCE))
    with fake.changed:
        assert fake.changed.wait_for(lambda: fake.blocked_in, PATIENCE)
    provider.close()
    assert waiting.result(PATIENCE) == states
    assert fake.contexts == fake.released_too_early == set()
