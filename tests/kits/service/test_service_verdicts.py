"""The service says of every vector what is expected, and never "accepted" for want of something."""

import asyncio
import base64
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.kits.vectors.__main__ import FOLDER
from agent.relying.errors import RETRIABLE, VerificationCode
from agent.relying.ics import IdentityVerdict
from agent.validator.codes import (
    MEANINGS,
    STATUS,
    IdentityCode,
    ServiceCode,
    ServiceRefusalError,
    catalogue,
)
from agent.validator.config import Config
from agent.validator.judging import judging
from agent.validator.messages import VerifyLogin
from tests.kits.service.service_support import (
    AT,
    CASES,
    FOUND,
    TRUST,
    certificate_of,
    config_of,
    login_of,
    service,
)

JUDGED = {name: case for name, case in CASES.items() if "steps" not in case}


def config_of_case(case: dict[str, Any], empty: Path) -> Config:
    trust = case.get("trust", TRUST)
    lists = "" if trust["crls"] else f"files = [{json.dumps(str(empty))}]"
    origins = case.get("origins", FOUND["origins"])
    return config_of(trust=trust, lists=lists, origins=origins)


async def test_every_vector_has_its_verdict(tmp_path: Path) -> None:
    groups: dict[str, list[str]] = {}
    for name, case in JUDGED.items():
        common = json.dumps([case.get("trust"), case.get("origins"), case.get("at")])
        groups.setdefault(common, []).append(name)
    wrong = {}
    async with service(clock=lambda: AT) as found:
        for names in groups.values():
            config = config_of_case(CASES[names[0]], tmp_path)
            async with judging(config, lambda: AT) as ready:
                found.app.judging = ready
                for name in names:
                    status, answer = await found.ask("login/verify", login_of(name))
                    said = answer.get("code", answer.get("verdict"))
                    expected = CASES[name]["expect"]
                    right = [expected] if isinstance(expected, str) else expected
                    if status != 200 or said.replace("accepted", "ok") not in right:
                        wrong[name] = status, answer
    assert wrong == {}
    assert len(JUDGED) >= 24


async def test_an_accepted_login_says_who_where_and_why() -> None:
    async with service() as found:
        status, answer = await found.ask("login/verify", login_of())
    assert status == 200
    login = answer["login"]
    assert (answer["verdict"], login["origin"], login["purpose"]) == (
        "accepted",
        FOUND["origin"],
        "login",
    )
    assert set(login) == {"origin", "purpose", "time", "holder", "certificate"}
    assert set(login["holder"]) == {"name", "id_last4", "subject_serial", "issuer"}
    assert set(login["certificate"]) == {"thumbprint", "serial", "not_after"}
    assert login["certificate"]["not_after"] == "2049-12-31T23:59:59Z"


async def test_a_login_is_no_document_and_no_certificate() -> None:
    token = login_of()["token"]
    async with service() as found:
        assert await found.ask("document/verify", {"cms": token}) == (
            200,
            {"verdict": "refused", "code": "wrong_content_type"},
        )
        assert await found.ask("certificate/verify", {"certificate": token}) == (
            200,
            {"verdict": "refused", "code": "malformed"},
        )


async def test_a_document_says_what_was_signed() -> None:
    raw = (FOLDER / "type-data.der").read_bytes()
    body = {"cms": base64.b64encode(raw).decode()}
    async with service() as found:
        status, answer = await found.ask("document/verify", body)
        other = {**body, "content": base64.b64encode(b"another").decode()}
        _, refused = await found.ask("document/verify", other)
    assert (status, answer["verdict"]) == (200, "accepted")
    signed = answer["document"]["signed"]
    content = raw[raw.index(b'{"type"') :].partition(b"}")[0] + b"}"
    assert (signed["sha256"], signed["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert refused == {"verdict": "refused", "code": "signature_invalid"}


async def test_a_certificate_is_judged_as_of_now() -> None:
    async with service() as found:
        for name, code in (("ca.cer", "wrong_key_usage"), ("root.crl", "malformed")):
            text = base64.b64encode((FOLDER / name).read_bytes()).decode()
            _, answer = await found.ask("certificate/verify", {"certificate": text})
            assert answer == {"verdict": "refused", "code": code}


async def test_the_certificate_of_a_good_login_is_good(tmp_path: Path) -> None:
    text = certificate_of()
    async with service() as found:
        _, answer = await found.ask("certificate/verify", {"certificate": text})
        assert answer["verdict"] == "accepted"
        async with judging(config_of(lists=f"files = [{json.dumps(str(tmp_path))}]")) as bare:
            found.app.judging = bare
            _, answer = await found.ask("certificate/verify", {"certificate": text})
    assert answer == {"verdict": "refused", "code": "revocation_unknown"}


async def test_an_origin_of_a_request_only_chooses() -> None:
    config = config_of(origins=["https://other.example", FOUND["origin"]])
    async with service(config) as found:
        _, chosen = await found.ask("login/verify", login_of(origin=FOUND["origin"]))
        _, other = await found.ask("login/verify", login_of(origin="https://other.example"))
        status, stranger = await found.ask("login/verify", login_of(origin="https://evil.example"))
    assert chosen["verdict"] == "accepted"
    assert other == {"verdict": "refused", "code": "origin_mismatch"}
    assert (status, stranger["error"]["code"]) == (400, "bad_request")
    assert "$.origin" in stranger["error"]["message"]


@pytest.mark.parametrize("missing", ["root.crl", "ca.crl"])
async def test_without_a_list_nothing_is_accepted_and_ready_names_it(missing: str) -> None:
    trust = {**TRUST, "crls": [name for name in TRUST["crls"] if name != missing]}
    async with service(config_of(trust=trust)) as found:
        _, answer = await found.ask("login/verify", login_of())
        status, ready = await found.get("/readyz")
    assert answer == {"verdict": "refused", "code": "revocation_unknown"}
    assert status == 503
    (why,) = json.loads(ready)["missing"]
    assert why.startswith("no fresh list of ")
    assert ("Root" in why) is (missing == "root.crl")


@pytest.mark.parametrize("useless", ["ca-delta", "ca-attributes-only", "ca-unknown-extension"])
async def test_a_list_that_clears_nobody_does_not_make_it_ready(useless: str) -> None:
    trust = {**TRUST, "crls": ["root.crl", f"{useless}.crl"]}
    async with service(config_of(trust=trust)) as found:
        _, answer = await found.ask("login/verify", login_of())
        status, ready = await found.get("/readyz")
        _, metrics = await found.get("/metrics")
    assert answer == {"verdict": "refused", "code": "revocation_unknown"}
    assert status == 503
    assert "Citizen CA" in ready
    assert 'Citizen CA (7d3d2d33)"} -Inf' in metrics


async def test_when_the_lists_are_out_of_date_it_is_not_ready() -> None:
    late = AT.replace(year=2050)
    async with service(clock=lambda: late) as found:
        status, ready = await found.get("/readyz")
        _, metrics = await found.get("/metrics")
        _, answer = await found.ask("login/verify", login_of())
    assert status == 503
    told = json.loads(ready)["missing"]
    assert len([why for why in told if "no fresh list" in why]) == 2
    assert len([why for why in told if "expired" in why]) == 2
    assert "ankong_verify_trust_expires_seconds -" in metrics
    assert answer["verdict"] == "refused"


async def test_a_clock_that_goes_back_accepts_nothing() -> None:
    early = AT - timedelta(days=365 * 40)
    async with service(clock=lambda: early) as found:
        _, answer = await found.ask("login/verify", login_of())
        status, _ = await found.get("/readyz")
    assert (answer["verdict"], status) == ("refused", 503)


async def test_a_fault_of_ours_is_no_verdict(capfd: pytest.CaptureFixture[str]) -> None:
    async with service() as found:
        found.app.judging._logins = {tuple(FOUND["origins"]): Broken()}  # type: ignore[dict-item]
        status, answer = await found.ask("login/verify", login_of())
    assert (status, answer["error"]["code"]) == (500, "internal")
    log = capfd.readouterr().err
    assert "RuntimeError at test_service_verdicts.py" in log
    assert "MARKER" not in log


class Broken:
    async def verify(self, *_: object, **__: object) -> None:
        raise RuntimeError("of MARKER")


class Identity:
    """A stand-in of whoever asks the identity service."""

    def __init__(self, answer: str | None) -> None:
        self.answer = answer

    async def verdict(self, subject_serial: str, id_number: str) -> str | None:
        assert (subject_serial, id_number) == ("9999000000000001", "A100000001")
        if self.answer == "down":
            raise ServiceRefusalError(ServiceCode.IDENTITY_UNAVAILABLE)
        return self.answer


async def test_the_identity_services_answer_is_passed_on() -> None:
    body = {"subject_serial": "9999000000000001", "id_number": "A100000001"}
    async with service() as found:
        assert (await found.ask("identity/check", body))[0] == 404
        found.app.judging.identity = Identity(None)
        assert await found.ask("identity/check", body) == (200, {"verdict": "accepted"})
        found.app.judging.identity = Identity("down")
        status, answer = await found.ask("identity/check", body)
        assert (status, answer["error"]["code"]) == (503, "identity_unavailable")
        for name, code in IdentityCode.__members__.items():
            found.app.judging.identity = Identity(name)
            refused = {"verdict": "refused", "code": code.value}
            assert await found.ask("identity/check", body) == (200, refused)
    assert {*IdentityCode.__members__, "MATCH"} == set(IdentityVerdict.__members__)


async def test_a_full_queue_is_an_outage_and_no_verdict() -> None:
    entered = [asyncio.Event(), asyncio.Event()]
    gate = asyncio.Event()
    waiting = iter(entered)

    async def slow(_: object) -> None:
        next(waiting).set()
        await gate.wait()

    body = {"certificate": certificate_of()}
    async with service(config_of(more="waiting = 1")) as found:
        found.app.judging._certificates.judge = slow  # type: ignore[method-assign, assignment]
        places = [asyncio.create_task(found.ask("certificate/verify", body)) for _ in entered]
        for event in entered:
            await event.wait()
        status, answer = await found.ask("certificate/verify", body)
        _, metrics = await found.get("/metrics")
        gate.set()
        answers = await asyncio.gather(*places)
        assert (await found.get("/metrics"))[1].count("ankong_verify_queue 0.0") == 1
    assert (status, answer["error"]["code"]) == (503, "busy")
    assert "ankong_verify_queue 2.0" in metrics
    assert [answer["verdict"] for _, answer in answers] == ["accepted", "accepted"]


def test_every_code_has_a_meaning() -> None:
    assert set(STATUS) == set(ServiceCode)
    assert set(MEANINGS) == {*ServiceCode, *IdentityCode}
    told = catalogue()
    assert set(told) == {code.value for code in (*MEANINGS, *VerificationCode)}
    # What the service says of a refusal is what every kit says of it.
    assert {code for code in VerificationCode if told[code]["retriable"]} == RETRIABLE


def test_a_request_says_login_unless_told_otherwise() -> None:
    assert VerifyLogin(token="", challenge="").purpose == "login"
