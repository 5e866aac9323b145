"""What memory one process of the member service needs while many members send pictures at once."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from agent.virtualcard.issuer import TestIssuer
from tests.bench.pictures import FILES, photo
from tests.bench.portal_requests import begin_application, log_in, send_picture
from tests.portal.balanced import PROXIED, Balanced, BalancedVisitor
from tests.portal.programs import running
from tests.portal.support import publish


async def measure_uploads(folder: Path, at_once: int) -> float | None:
    """Return the most resident memory in MB of a process that receives photos of 12 megapixels.

    That of the processes in which they are made anew does not count: each ends with its picture,
    and only a few run at a time.

    Args:
        folder: empty.
        at_once: how many members send one at the same time.

    Raises:
        RuntimeError: one was not taken.

    """
    if sys.platform != "linux":
        return None
    publish(TestIssuer.create(key_size=2048), folder)
    picture = await asyncio.to_thread(lambda: FILES["JPEG"](photo()))
    arguments = [
        *("--port", "0", "--db", str(folder / "portal.db"), "--ics-url", "http://127.0.0.1:9/"),
        *("--anchors", str(folder / "root.cer"), "--intermediates", str(folder / "ca.cer")),
        *("--crl", str(folder / "root.crl"), str(folder / "ca.crl"), *PROXIED),
    ]
    async with AsyncExitStack() as stack:
        program = await stack.enter_async_context(
            running("agent.portal", folder / "portal.log", *arguments)
        )
        proxy = Balanced([program])
        members = []
        for number in range(at_once):
            member = await stack.enter_async_context(BalancedVisitor(proxy, number))
            await log_in(member, f"photo{number}@example.test")
            await begin_application(member)
            members.append(member)
        await asyncio.gather(*(send_picture(member, "front", picture) for member in members))
        return await asyncio.to_thread(_most_memory, program.process.pid)


def _most_memory(pid: int) -> float:
    """Return the peak of a process's resident memory (proc(5), VmHWM) in MB."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("no VmHWM")
