"""The example sites, whole, under their own servers: people log in, and nobody else."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent.kits.vectors import certificates
from agent.kits.vectors.__main__ import FOLDER
from agent.relying import Holder
from tests.kits.list_server import serving
from tests.kits.site_programs import COMMANDS, SECRET, Program, running_program, sign

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="gunicorn needs fork, and setpriv Linux"
)

PACKAGES = {
    "flask": ("flask", "gunicorn"),
    "django": ("django", "gunicorn"),
    "fastapi": ("fastapi", "uvicorn", "itsdangerous"),
}
ISSUER = "C=TW,O=Test vectors - DO NOT TRUST,CN=Worthless Citizen CA"
ACCOUNT = Holder(None, None, "9999000000000001", ISSUER).account_key(SECRET).hex()
GARBAGE = (b"", b"{", b"[]", b"7", b'"text"', b"null", b'{"token":null}', b"\xff")
NONSENSE = (
    {},
    {"challenge_id": None, "token": None},
    {"challenge_id": 7, "token": 7},
    {"challenge_id": ["i"], "token": "dG9rZW4="},
    {"challenge_id": "i" * 22, "token": "no base64"},
    {"challenge_id": "i\0" * 11, "token": "dG9rZW4="},
    {"challenge_id": "i" * 22, "token": "dG9rZW4="},
)


@pytest.fixture(scope="module", params=COMMANDS)
def program(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    for package in PACKAGES[request.param]:
        pytest.importorskip(package)
    state = tmp_path_factory.mktemp(request.param)
    with serving(FOLDER) as lists, running_program(request.param, state, lists) as running:
        yield running


def test_a_citizen_logs_in_and_gets_a_new_session(program: Program) -> None:
    visitor = program.visitor()
    name, challenge = visitor.challenge()
    before = visitor.copy()
    assert visitor.ask("GET", "/account")[0] == 401
    assert visitor.log_in(name, sign(challenge)) == (200, {"name": "測試假人"})
    assert visitor.ask("GET", "/account") == (200, {"account": ACCOUNT})
    assert visitor.cookies != before.cookies
    assert before.ask("GET", "/account")[0] == 401


def test_a_token_is_good_for_one_session_and_once(program: Program) -> None:
    visitor = program.visitor()
    name, challenge = visitor.challenge()
    token = sign(challenge)
    other = program.visitor()
    other.challenge()
    for stranger in (other, program.visitor()):
        assert stranger.log_in(name, token) == (400, {"code": "challenge_unknown"})
    assert visitor.copy().log_in(name, token)[0] == 200
    late = visitor.copy().log_in(name, sign(challenge, second=30))
    assert late[1]["code"] in {"challenge_used", "challenge_unknown"}


def test_the_log_alone_says_what_was_expected(program: Program) -> None:
    visitor = program.visitor()
    name, challenge = visitor.challenge()
    token = sign(challenge, origin="https://evil.example")
    assert visitor.log_in(name, token) == (400, {"code": "origin_mismatch"})
    program.log.find(re.compile(rb"login refused: origin_mismatch .*https://evil\.example"))


def test_of_many_clicks_at_once_one_token_wins(program: Program) -> None:
    visitor = program.visitor()
    name, challenge = visitor.challenge()
    tokens = [sign(challenge, second=second) for second in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda token: visitor.copy().log_in(name, token), tokens))
    found = Counter(answer[1].get("code", "logged in") for answer in answers)
    assert found["logged in"] == 1
    assert set(found) <= {"logged in", "challenge_used", "challenge_unknown"}


def test_who_may_not_hears_one_code_and_nothing_else(program: Program) -> None:
    visitor = program.visitor()
    for expected, changes in (
        ("origin_mismatch", {"origin": "https://evil.example"}),
        ("certificate_revoked", {"by": certificates.revoked()}),
        ("certificate_untrusted", {"by": certificates.of_foreign_authority()}),
    ):
        name, challenge = visitor.challenge()
        token = sign(challenge, **changes)  # type: ignore[arg-type]
        assert visitor.log_in(name, token) == (400, {"code": expected})
    name, _ = visitor.challenge()
    assert visitor.log_in(name, sign(bytes(32))) == (400, {"code": "challenge_mismatch"})


def test_nonsense_is_the_visitors_fault(program: Program) -> None:
    visitor = program.visitor()
    visitor.challenge()
    found = [visitor.ask_raw("POST", "/login", raw)[0] for raw in GARBAGE]
    found += [visitor.ask("POST", "/login", body)[0] for body in NONSENSE]
    assert set(found) <= {400, 422}
