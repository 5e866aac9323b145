"""The page beside this file, with the example site of ankong-verify: ``gunicorn server:app``.

Put ``flask_app.py`` beside it; the settings are its own, and ``PAGE_KIT``, the folder of the page
kit: ``node_modules/ankong``.
"""

import os
from pathlib import Path

from flask import Response, abort, send_from_directory
from flask_app import app

PAGE = Path(__file__).parent
KIT = os.environ["PAGE_KIT"]
POLICY = (PAGE / "headers.txt").read_text("utf-8").strip()


@app.get("/")
@app.get("/plain.html")
def page() -> Response:
    """Send the page."""
    return send_from_directory(PAGE, "plain.html")


@app.get("/plain.js")
def script() -> Response:
    """Send its script."""
    return send_from_directory(PAGE, "plain.js", mimetype="text/javascript")


@app.get("/sdk/<name>")
def kit(name: str) -> Response:
    """Send a module of the page kit."""
    if not name.endswith(".js"):
        abort(404)
    return send_from_directory(KIT, name, mimetype="text/javascript")


@app.after_request
def add_policy(response: Response) -> Response:
    """Let pages of this site ask the agent, and no other site frame them."""
    response.headers["Content-Security-Policy"] = POLICY
    return response
