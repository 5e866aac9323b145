"""A site in Flask that citizens log in to: ``gunicorn --workers 2 flask_app:app``."""

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from ankong_verify import CREATE_TABLE, RefusedError, SqlStore, TrustStore, decode_token, hex_secret
from ankong_verify.blocking import Challenges, LoginVerifier, RevocationLists
from flask import Flask, abort, request, session
from flask.typing import ResponseReturnValue

ORIGIN = os.environ["SITE_ORIGIN"]  # as browsers write it: https://portal.example
SECRET = hex_secret(os.environ["ACCOUNT_SECRET"])  # 32 octets, the same for ever
STATE = Path(os.environ["STATE"])  # a folder of this site alone


def connect() -> sqlite3.Connection:
    """Open the site's database."""
    return sqlite3.connect(STATE / "site.db")


with closing(connect()) as database, database:
    database.execute(CREATE_TABLE)
trust = TrustStore.load([Path(os.environ["TRUST_ROOTS"])], [Path(os.environ["TRUST_CAS"])])
lists = RevocationLists(os.environ["LIST_URLS"].split(), STATE / "lists", trust=trust)
lists.open()
verifier = LoginVerifier(origins=[ORIGIN], trust=trust, revocation=lists)
challenges = Challenges(SqlStore(connect, paramstyle="qmark"))

app = Flask(__name__)
app.secret_key = os.environ["SESSION_SECRET"]
app.config.update(SESSION_COOKIE_SAMESITE="Lax")
app.config.update(SESSION_COOKIE_SECURE=ORIGIN.startswith("https:"), MAX_CONTENT_LENGTH=128 * 1024)


@app.post("/login/challenge")
def challenge() -> ResponseReturnValue:
    """Give the page something to sign, for this session only."""
    session.setdefault("id", secrets.token_urlsafe())
    issued = challenges.issue(session["id"])
    return {"challenge_id": issued.id, "challenge": issued.challenge}


@app.post("/login")
def log_in() -> ResponseReturnValue:
    """Let whoever holds the card in."""
    body = request.get_json()
    if not isinstance(body, dict):
        abort(400)
    try:
        token = decode_token(body.get("token"))
        wanted = challenges.redeem(session.get("id", ""), body.get("challenge_id"), token)
        login = verifier.verify(token, challenge=wanted)
    except RefusedError as error:
        app.logger.warning("login refused: %s %s", error.code, error.detail)
        return {"code": error.code}, 400
    session.clear()  # a session that somebody else may have begun does not become a member's
    session["account"] = login.holder.account_key(SECRET).hex()  # look the account up by this
    return {"name": login.holder.name}


@app.get("/account")
def account() -> ResponseReturnValue:
    """Tell who is logged in."""
    if "account" not in session:
        abort(401)
    return {"account": session["account"]}
