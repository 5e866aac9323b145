"""The PC/SC service itself comes, goes and is shared with other programs."""

import os
import subprocess
import sys
import time

import pytest

from agent.errors import (
    CardRemovedError,
    ErrorCode,
    ServiceUnavailableError,
    SharingViolationError,
    TransportError,
)
from agent.transport import pcsc
from agent.virtualcard.model import Faults
from tests.pcsc.contract import (
    PATIENCE,
    READ_SERIAL,
    SUCCESS,
    insert,
    new_card,
    remembers,
    select,
    start,
)
from tests.pcsc.rig import PcscRig, TidyProvider

pytestmark = pytest.mark.pcsc

RESETTER = """
import sys
from agent.transport.pcsc import PcscProvider
connection = PcscProvider().open(sys.argv[1])
connection.begin()
print("begun", flush=True)
sys.stdin.readline()
connection.end(reset=True)
connection.close()
"""


def test_no_service_at_start_then_it_comes(rig: PcscRig) -> None:
    rig.pcscd.halt()
    with pytest.raises(ServiceUnavailableError) as caught:
        rig.provider.readers()
    assert caught.value.code is ErrorCode.PCSC_UNAVAILABLE
    assert caught.value.retriable
    with pytest.raises(ServiceUnavailableError):
        rig.provider.open(rig.names[0])
    waiting = start(lambda: rig.provider.wait((), PATIENCE))
    time.sleep(0.1)
    assert not waiting.done()
    rig.pcscd.restart()
    assert {state.name for state in waiting.result(PATIENCE)} == set(rig.names)


def test_the_first_wait_without_a_service_says_so_and_the_next_one_waits(rig: PcscRig) -> None:
    rig.pcscd.halt()
    with pytest.raises(ServiceUnavailableError):
        rig.provider.wait((), PATIENCE)
    waiting = start(lambda: rig.provider.wait((), PATIENCE))
    time.sleep(0.1)
    assert not waiting.done()
    rig.provider.cancel()
    with pytest.raises(ServiceUnavailableError):
        waiting.result(PATIENCE)
    with pytest.raises(ServiceUnavailableError):
        rig.provider.wait((), 0.05)


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_the_service_goes_while_a_thread_waits(rig: PcscRig, kill: bool) -> None:
    before = rig.provider.readers()
    waiting = start(lambda: rig.provider.wait(before, PATIENCE))
    time.sleep(0.1)
    rig.pcscd.halt(kill=kill)
    with pytest.raises(ServiceUnavailableError):
        waiting.result(PATIENCE)
    back = start(lambda: rig.provider.wait((), PATIENCE))
    rig.pcscd.restart()
    assert {state.name for state in back.result(PATIENCE)} == set(rig.names)
    insert(rig)
    select(rig.provider.open(rig.names[0]))


def test_a_restart_that_nobody_saw_shows_as_a_change(rig: PcscRig) -> None:
    before = rig.provider.readers()
    rig.pcscd.restart()
    after = rig.provider.wait(before, PATIENCE)
    assert {state.name for state in after} == set(rig.names)
    # A card in there may have been exchanged: nothing of what was known about it still holds.
    assert {state.insertion for state in after}.isdisjoint(state.insertion for state in before)


def test_a_connection_ends_with_its_service(rig: PcscRig) -> None:
    insert(rig)
    connection = rig.provider.open(rig.names[0])
    connection.begin()
    select(connection)
    rig.pcscd.halt(kill=True)
    with pytest.raises(ServiceUnavailableError):
        connection.transmit(READ_SERIAL)
    connection.end(reset=True)
    rig.pcscd.restart()
    with pytest.raises(ServiceUnavailableError):
        connection.begin()
    connection.close()
    insert(rig)
    select(rig.provider.open(rig.names[0]))


def test_the_service_goes_in_the_middle_of_a_command(rig: PcscRig) -> None:
    card = insert(rig)
    connection = rig.provider.open(rig.names[0])
    connection.begin()
    card.process = lambda _command: rig.pcscd.halt(kill=True) or b""  # type: ignore[func-returns-value,method-assign]  # a card that takes the service along
    with pytest.raises(TransportError) as caught:
        connection.transmit(READ_SERIAL)
    assert isinstance(caught.value, ServiceUnavailableError | CardRemovedError)
    connection.end(reset=True)
    connection.close()


def test_another_program_keeps_us_out_and_resets_the_card(rig: PcscRig) -> None:
    insert(rig)
    connection = rig.provider.open(rig.names[0])
    connection.begin()
    select(connection)
    connection.end(reset=False)
    other = subprocess.Popen(
        [sys.executable, "-c", RESETTER, rig.names[0]],
        env={**os.environ, **rig.pcscd.environment()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"begun\n"
        begun = start(connection.begin)
        time.sleep(0.2)
        assert not begun.done()
        other.stdin.write(b"\n")
        other.stdin.flush()
        begun.result(PATIENCE)
        assert other.wait(PATIENCE) == 0
    assert not remembers(connection)
    select(connection)
    connection.end(reset=True)


def test_a_killed_program_lets_the_card_go(rig: PcscRig) -> None:
    insert(rig)
    connection = rig.provider.open(rig.names[0])
    with subprocess.Popen(
        [sys.executable, "-c", RESETTER, rig.names[0]],
        env={**os.environ, **rig.pcscd.environment()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"begun\n"
        begun = start(connection.begin)
        time.sleep(0.1)
        assert not begun.done()
        other.kill()
    begun.result(PATIENCE)
    select(connection)
    connection.end(reset=True)


def test_a_reset_by_another_between_commands_is_told(rig: PcscRig) -> None:
    """Outside a transaction nobody is protected; what must not happen is not to notice."""
    insert(rig)
    first = rig.provider.open(rig.names[0])
    second = rig.provider.open(rig.names[0])
    select(first)
    second.reset()
    with pytest.raises(SharingViolationError) as caught:
        first.transmit(READ_SERIAL)
    assert caught.value.code is ErrorCode.BUSY
    first.begin()
    select(first)
    first.end(reset=True)


def test_a_card_in_exclusive_use_is_busy(rig: PcscRig) -> None:
    from smartcard import scard

    insert(rig)
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    assert result == 0
    result, card, _protocol = scard.SCardConnect(
        context, rig.names[0], scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_T1
    )
    assert result == 0
    with pytest.raises(SharingViolationError) as caught:
        rig.provider.open(rig.names[0])
    assert caught.value.code is ErrorCode.BUSY
    scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
    scard.SCardReleaseContext(context)
    select(rig.provider.open(rig.names[0]))


def test_a_forgotten_transaction_does_not_leave_the_card_open(rig: PcscRig) -> None:
    insert(rig)
    connection = rig.provider.open(rig.names[0])
    connection.begin()
    select(connection)
    connection.close()
    assert not remembers(rig.provider.open(rig.names[0]))


def test_waiting_is_done_by_pcsc_and_not_by_python(
    rig: PcscRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    real = pcsc.open_library()

    class Counting:
        def __getattr__(self, name: str) -> object:
            calls.append(name)
            return getattr(real, name)

    before = rig.provider.readers()
    monkeypatch.setattr(pcsc, "open_library", Counting)
    assert rig.provider.wait(before, 1.5) == before
    assert calls.count("status_change") <= 6  # look, block, look, block, look
    calls.clear()
    waiting = start(lambda: rig.provider.wait(before, PATIENCE))
    rig.insert(0, new_card())
    waiting.result(PATIENCE)
    assert calls.count("status_change") <= 4


def test_cancellations_are_never_lost(rig: PcscRig) -> None:
    """One call of cancel() ends the wait, wherever in it the other thread happens to be."""
    before = rig.provider.readers()
    for step in range(150):
        waiting = start(lambda: rig.provider.wait(before, PATIENCE))
        while rig.provider._waiting is None and not waiting.done():
            pass
        time.sleep(step / 75_000)
        rig.provider.cancel()
        assert waiting.result(PATIENCE) == before


def test_errors_do_not_tell_what_was_sent(rig: PcscRig) -> None:
    secret = b"24681357"
    insert(rig, card=new_card(faults=Faults(remove_at=1)))
    connection = rig.provider.open(rig.names[0])
    with pytest.raises(CardRemovedError) as caught:
        connection.transmit(b"\x00\x20\x00\x01\x08" + secret)
    told = f"{caught.value!r} {caught.value.detail}"
    assert "SCardTransmit" in told
    for form in (secret.decode(), secret.hex(), str(list(secret))[1:-1]):
        assert form not in told.lower()


def test_several_providers_see_and_use_the_same_card(rig: PcscRig) -> None:
    insert(rig)
    others = [TidyProvider() for _ in range(5)]
    seen = {tuple((s.name, s.present, s.atr) for s in other.readers()) for other in others}
    assert len(seen) == 1
    for connection in [other.open(rig.names[0]) for other in others]:
        select(connection)
        assert connection.transmit(READ_SERIAL)[1] == SUCCESS
    for other in others:
        other.close()
