"""Impatient pages: the same request again joins the one under way, and the PIN is sent once."""

import asyncio
import json
from typing import Any, cast

from agent.consent.questions import LastAttempt, Prompt
from tests.signing.attempts_support import Windows
from tests.web.jrsys.conftest import RigFactory
from tests.web.jrsys.rig import PIN, JrsysRig, answer_of, p11


class SlowWindows(Windows):
    """Lets a question wait until the test answers it."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = asyncio.Event()
        self.go_on = asyncio.Event()
        self.closed = asyncio.Event()

    async def ask(self, prompt: Prompt[Any]) -> Any:
        assert isinstance(prompt, LastAttempt)
        self.shown.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.closed.set()
            raise
        return cast("Any", self.answer(prompt))


REQUEST = p11("RsaSignedDataP11", DigestAlg=7, Data2BSigned="challenge", PIN=PIN)


async def test_the_first_who_asked_may_leave(start_rig: RigFactory, make_card: Any) -> None:
    """The PIN of a request that others have joined stays what it is when its page has gone."""
    windows = SlowWindows()
    rig: JrsysRig = await start_rig(make_card("gen2"), known=False, windows=windows)
    async with rig.socket() as second:
        async with rig.socket() as first:
            await first.send_str(json.dumps(REQUEST))
            await asyncio.wait_for(windows.shown.wait(), 20)
            await second.send_str(json.dumps(REQUEST))
            # Its turn has come once a message behind it is answered: there is none before it.
            other = await rig.call(p11("RsaSignedDataP11", Data2BSigned="other", PIN=PIN))
            assert other["RV"] == 6
        windows.go_on.set()
        signed = await answer_of(second)
    assert signed["RV"] == 0
    assert windows.asked == ["last None"]
    assert rig.tries == 3


async def test_when_nobody_waits_the_window_goes(start_rig: RigFactory, make_card: Any) -> None:
    windows = SlowWindows()
    rig: JrsysRig = await start_rig(make_card("gen2"), known=False, windows=windows)
    async with rig.socket() as only:
        await only.send_str(json.dumps(REQUEST))
        await asyncio.wait_for(windows.shown.wait(), 20)
    await asyncio.wait_for(windows.closed.wait(), 20)
    assert rig.tries == 3
    assert windows.asked == []
