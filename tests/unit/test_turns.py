"""Work for the processor is done one piece at a time, in the order in which it was asked for."""

import asyncio
import threading
from contextvars import ContextVar

import pytest

from agent.turns import in_turn


async def test_one_piece_at_a_time_in_the_order_of_asking() -> None:
    begun: list[int] = []
    running = threading.Lock()
    let_go = threading.Event()

    def work(number: int) -> int:
        assert running.acquire(blocking=False), "two at once"
        try:
            begun.append(number)
            assert let_go.wait(60)
        finally:
            running.release()
        return number

    asked = [asyncio.create_task(in_turn(work, number)) for number in range(6)]
    await asyncio.sleep(0)
    let_go.set()
    assert await asyncio.gather(*asked) == begun == list(range(6))


async def test_what_it_raises_reaches_who_asked_and_nobody_else() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_turn(lambda: 1 // 0)
    assert await in_turn(lambda: 1) == 1


async def test_it_runs_in_the_context_of_who_asked() -> None:
    name: ContextVar[str] = ContextVar("name", default="nobody")
    name.set("somebody")
    assert await in_turn(name.get) == "somebody"


async def test_whoever_does_not_wait_any_more_holds_nobody_up() -> None:
    let_go = threading.Event()
    first = asyncio.create_task(in_turn(let_go.wait, 60))
    given_up = asyncio.create_task(in_turn(pytest.fail, "it was given up before its turn"))
    await asyncio.sleep(0)
    given_up.cancel()
    let_go.set()
    assert await first
    assert await in_turn(lambda: "next") == "next"
    assert given_up.cancelled()
