"""A site with one form for a picture: ``python -m tests.browser.picture_page`` prints its port."""

import asyncio

from aiohttp import web
from jinja2 import ChoiceLoader, DictLoader

from agent.portal.app_keys import PICTURES
from agent.portal.errors import PortalError
from agent.portal.guard import refusals, security_headers
from agent.portal.pages import choice, templates
from agent.portal.pages.refused import wants_page
from agent.portal.pictures.reencoder import Reencoder
from agent.portal.pictures.upload import UploadReader
from agent.portal.serving import announce_ready, listen, serving, stop_requested
from agent.portal.statics import load_statics, serve_static

FORM = """
{% extends "base.html" %}
{% from "picture/field.html"
  import picture_field, picture_progress, picture_head, picture_script with context %}
{% block title %}Test{% endblock %}
{% block head %}{{ picture_head() }}{% endblock %}
{% block main %}
<section class="sheet">
  <header class="heading"><h1>Test</h1></header>
  <form method="post" action="{{ path }}" enctype="multipart/form-data">
    {{ picture_field("picture", "Test", error) }}
    {{ picture_progress() }}
    <div class="actions"><button class="button primary" name="step" value="next">OK</button></div>
  </form>
</section>
{% endblock %}
{% block scripts %}{{ picture_script() }}{% endblock %}
"""
DONE = """
{% extends "base.html" %}
{% block title %}Test{% endblock %}
{% block main %}<h1 id="done">{{ said }}</h1>{% endblock %}
"""


async def get_form(request: web.Request) -> web.Response:
    return templates.render(request, "test/form.html", error="")


async def post_form(request: web.Request) -> web.Response:
    """Take a picture as the rooms do: on success elsewhere, else the form again with its words."""
    try:
        form = await request.app[PICTURES].read(request, "picture", "somebody")
    except PortalError as error:
        if not wants_page(request) and "page" not in request.query:
            raise
        return templates.render(request, "test/form.html", status=422, error=error.code.value)
    said = f"{form.fields['step']}-{len(form.pictures)}"
    return web.Response(status=303, headers={"Location": f"/done/{said}"})


async def get_done(request: web.Request) -> web.Response:
    return templates.render(request, "test/done.html", said=request.match_info["said"])


async def main() -> None:
    environment = templates._environment()
    pages = DictLoader({"test/form.html": FORM, "test/done.html": DONE})
    assert environment.loader is not None
    environment.loader = ChoiceLoader([pages, environment.loader])
    templates.load_pages()
    statics = load_statics()

    async def get_static(request: web.Request) -> web.Response:
        return serve_static(statics, request)

    async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(security_headers((), 1))

    app = web.Application(middlewares=[refusals])
    app.on_response_prepare.append(add_headers)
    reencoder = Reencoder()
    app[PICTURES] = UploadReader(reencoder)
    app.router.add_get("/form", get_form)
    app.router.add_post("/form", post_form)
    app.router.add_get("/done/{said}", get_done)
    choice.add_routes(app.router)
    app.router.add_get("/{path:.*}", get_static)
    with listen("127.0.0.1", 0) as sock:
        async with serving(app, sock):
            announce_ready({"port": sock.getsockname()[1]})
            await stop_requested()
    await reencoder.close()


if __name__ == "__main__":
    asyncio.run(main())
