"""A site in FastAPI that citizens log in to: ``uvicorn --workers 2 fastapi_app:app``."""

import logging
import os
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from ankong_verify import (
    CREATE_TABLE,
    Challenges,
    LoginVerifier,
    RefusedError,
    RevocationLists,
    SqlStore,
    TrustStore,
    decode_token,
    hex_secret,
)
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.middleware.sessions import SessionMiddleware

ORIGIN = os.environ["SITE_ORIGIN"]  # as browsers write it: https://portal.example
SECRET = hex_secret(os.environ["ACCOUNT_SECRET"])  # 32 octets, the same for ever
STATE = Path(os.environ["STATE"])  # a folder of this site alone
log = logging.getLogger("uvicorn.error")


def connect() -> sqlite3.Connection:
    """Open the site's database."""
    return sqlite3.connect(STATE / "site.db")


with closing(connect()) as database, database:
    database.execute(CREATE_TABLE)
trust = TrustStore.load([Path(os.environ["TRUST_ROOTS"])], [Path(os.environ["TRUST_CAS"])])
lists = RevocationLists(os.environ["LIST_URLS"].split(), STATE / "lists", trust=trust)
verifier = LoginVerifier(origins=[ORIGIN], trust=trust, revocation=lists)
challenges = Challenges(SqlStore(connect, paramstyle="qmark"))


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Keep the revocation lists fresh while the site runs."""
    async with lists:
        yield


app = FastAPI(lifespan=lifespan)
app.add_middleware(
    SessionMiddleware,
    secret_key=os.environ["SESSION_SECRET"],
    https_only=ORIGIN.startswith("https:"),
)


class SentLogin(BaseModel):
    """What the page sends."""

    challenge_id: str
    token: str


@app.post("/login/challenge")
async def challenge(request: Request) -> dict[str, str]:
    """Give the page something to sign, for this session only."""
    name = request.session.setdefault("id", secrets.token_urlsafe())
    issued = await challenges.issue(name)
    return {"challenge_id": issued.id, "challenge": issued.challenge}


@app.post("/login", response_model=None)
async def log_in(body: SentLogin, request: Request) -> dict[str, str | None] | JSONResponse:
    """Let whoever holds the card in."""
    try:
        token = decode_token(body.token)
        name = request.session.get("id", "")
        wanted = await challenges.redeem(name, body.challenge_id, token)
        login = await verifier.verify(token, challenge=wanted)
    except RefusedError as error:
        log.info("login refused: %s %s", error.code, error.detail)
        return JSONResponse({"code": error.code}, 400)
    request.session.clear()  # one that somebody else may have begun does not become a member's
    request.session["account"] = login.holder.account_key(SECRET).hex()  # look the account up
    return {"name": login.holder.name}


@app.get("/account")
async def account(request: Request) -> JSONResponse:
    """Tell who is logged in."""
    if "account" not in request.session:
        return JSONResponse({}, 401)
    return JSONResponse({"account": request.session["account"]})
