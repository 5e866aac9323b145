"""Work for the processor, beside the event loop and one piece at a time.

Threads that compute at once each hold the interpreter for its switch interval, 5 ms, before the
event loop has it back: six of them keep every other request waiting for 30 ms. In one thread the
work takes as long in all, and the loop waits for 5 ms.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_THREADS: Final = [ThreadPoolExecutor(max_workers=1, thread_name_prefix="turns")]


def _begin_anew() -> None:
    """Have a thread in a forked process, which has the parent's pool without its thread."""
    _THREADS.append(ThreadPoolExecutor(max_workers=1, thread_name_prefix="turns"))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


async def in_turn(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do work that computes for milliseconds, after whatever was asked for before.

    Args:
        work: called in the one thread of all such work, in a copy of the caller's context. It must
            not wait for people, cards or the network: others wait for it.
        args: for the work.
        kwargs: for the work.

    Raises:
        Exception: whatever the work raises.

    """
    call = partial(copy_context().run, work, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_THREADS[-1], call)
