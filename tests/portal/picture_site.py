"""A site that only receives pictures: ``python -m tests.portal.picture_site`` prints its port."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from agent.portal.app_keys import PICTURES
from agent.portal.guard import refusals
from agent.portal.pages.templates import load_pages
from agent.portal.pictures.reencoder import Reencoder
from agent.portal.pictures.upload import UploadReader
from agent.portal.serving import announce_ready, listen, serving, stop_requested


async def receive(request: web.Request) -> web.Response:
    """Answer with the form's fields, and the sizes of its pictures in octets."""
    owner = request.query.get("owner", "somebody")
    form = await request.app[PICTURES].read(request, "picture", owner)
    sizes = [len(each) for each in form.pictures]
    return web.json_response({"fields": dict(form.fields), "sizes": sizes})


async def load(_: web.Application) -> None:
    await asyncio.to_thread(load_pages)


def picture_site(reader: UploadReader) -> web.Application:
    app = web.Application(middlewares=[refusals], client_max_size=1024)
    app[PICTURES] = reader
    app.on_startup.append(load)
    app.router.add_post("/picture", receive)
    return app


async def until(condition: Callable[[], bool]) -> None:
    """Wait for threads and servers to come so far."""
    while not condition():  # noqa: ASYNC110  # no loop of theirs could set an event of ours
        await asyncio.sleep(0.01)


async def main() -> None:
    reencoder = Reencoder()
    with listen("127.0.0.1", 0) as sock:
        async with serving(picture_site(UploadReader(reencoder)), sock):
            announce_ready({"port": sock.getsockname()[1]})
            await stop_requested()
    await reencoder.close()


if __name__ == "__main__":
    asyncio.run(main())
