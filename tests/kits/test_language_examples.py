"""Each language's example is a whole site: it logs the citizen in once, and nobody else."""

import base64
import http.client
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.cms.login import LoginPurpose, LoginStatement
from agent.kits.vectors import certificates
from agent.kits.vectors.__main__ import FOLDER
from agent.kits.vectors.messages import MessageParts, sign
from tests.kits.kit_support import KITS, LANGUAGES, build

ORIGIN = "https://portal.example"
SECRET = "5c" * 32
PROGRAMS = {
    "node": "examples/server",
    "php": "examples/login",
    "java": "examples/LoginServer",
    "go": "examples/login",
}


class Browser:
    """One cookie, and requests of a page."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""

    def post(self, path: str, body: object) -> tuple[int, dict[str, Any]]:
        text = body if isinstance(body, str) else json.dumps(body)
        headers = {"Cookie": self.cookie} if self.cookie else {}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("POST", path, text, headers)
            response = connection.getresponse()
            set_cookie = response.getheader("Set-Cookie") or ""
            status, content = response.status, response.read()
        if set_cookie:
            assert {"secure", "httponly", "samesite=lax"} <= set(set_cookie.lower().split("; "))
            self.cookie = set_cookie.partition(";")[0]
        return status, json.loads(content)

    def challenge(self) -> dict[str, str]:
        status, asked = self.post("/login/challenge", {})
        assert status == 200
        assert re.fullmatch("[A-Za-z0-9_-]{43}", asked["challenge"])
        return asked


def token(challenge: str, origin: str = ORIGIN) -> str:
    """Sign a login as the agent does."""
    octets = base64.urlsafe_b64decode(challenge + "=")
    stated = LoginStatement.make(LoginPurpose.LOGIN, origin, octets, certificates.AT).encode()
    message = MessageParts(stated, [sign(certificates.citizen(), stated)]).encode()
    return base64.b64encode(message).decode()


def command(language: str, folder: Path) -> list[str]:
    words = build(language, PROGRAMS[language], folder)
    if language != "php":
        return words
    return ["php", "-d", f"session.save_path={folder}", "-S", "127.0.0.1:0", words[1]]


@contextmanager
def running(words: list[str], **settings: str) -> Iterator[int]:
    """Run a site until the end of the block, and give its port."""
    env = {**os.environ, "ANKONG_TRUST": str(FOLDER), "ANKONG_ORIGIN": ORIGIN}
    env |= {"ACCOUNT_SECRET": SECRET, "PORT": "0", **settings}
    log = subprocess.STDOUT
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=log, text=True) as site:
        try:
            assert site.stdout is not None
            started = (
                re.search("(?:listening on |127.0.0.1:)([0-9]+)", line) for line in site.stdout
            )
            yield int(next(found[1] for found in started if found))
        finally:
            site.kill()


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_login_for_one_challenge(language: str, tmp_path: Path) -> None:
    with running(command(language, tmp_path)) as port:
        citizen, stranger = Browser(port), Browser(port)
        asked, theirs = citizen.challenge(), stranger.challenge()
        before = citizen.cookie
        assert before != stranger.cookie
        body = {"challenge_id": asked["challenge_id"], "token": token(asked["challenge"])}
        assert stranger.post("/login", body) == (400, {"code": "challenge_unknown"})
        assert Browser(port).post("/login", body) == (400, {"code": "challenge_unknown"})
        assert citizen.post("/login", body) == (200, {"name": "測試假人"})
        assert citizen.cookie != before
        citizen.cookie, after = before, citizen.cookie
        assert citizen.post("/login", body) == (400, {"code": "challenge_unknown"})
        citizen.cookie = after
        assert citizen.post("/login", body) == (400, {"code": "challenge_unknown"})
        relayed = {**theirs, "token": token(theirs["challenge"], "https://evil.example")}
        for _ in range(2):  # the same token again gets the same answer
            assert stranger.post("/login", relayed) == (400, {"code": "origin_mismatch"})
        honest = {**theirs, "token": token(theirs["challenge"])}
        assert stranger.post("/login", honest) == (400, {"code": "challenge_used"})


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_no_login_is_refused(language: str, tmp_path: Path) -> None:
    with running(command(language, tmp_path)) as port:
        for wrong in (None, "", "?", "AAAA", 5, [], {"a": 1}):
            page = Browser(port)
            asked = page.challenge()
            status, content = page.post("/login", {**asked, "token": wrong})
            assert status == 400
            assert content["code"] in {"signature_invalid", "bad_request"}
        for body in ("", "[]", "null", "5", "{", '{"challenge_id": null}'):
            status, content = page.post("/login", body)
            assert status == 400
            assert content["code"] in {"challenge_unknown", "bad_request"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "settings",
    [{"ANKONG_ORIGIN": ORIGIN + "/"}, {"ANKONG_TRUST": str(KITS)}],
    ids=["slash", "trust"],
)
def test_a_site_that_could_log_nobody_in_does_not_start(
    language: str, settings: dict[str, str], tmp_path: Path
) -> None:
    words = command(language, tmp_path)
    if language == "php":  # it has no start but that of each request
        with (
            running(words, **settings) as port,
            closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection,
        ):
            connection.request("POST", "/login/challenge", "")
            assert connection.getresponse().status == 500
        return
    env = {**os.environ, "ANKONG_TRUST": str(FOLDER), "ANKONG_ORIGIN": ORIGIN, "PORT": "0"}
    env |= {"ACCOUNT_SECRET": SECRET, **settings}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "listening" not in done.stdout
