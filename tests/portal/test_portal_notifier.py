"""One-time codes on their way to people."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from agent.portal.contact import Contact, parse_contact
from agent.portal.notifier import NotifierError, ProgramNotifier
from agent.virtualcard.issuer import TestIssuer
from agent.words import Language
from tests.portal.support import MOBILE, SiteOptions, running_site

WRITES = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_bytes(sys.stdin.buffer.read())"


async def test_the_program_is_told_on_its_standard_input(tmp_path: Path) -> None:
    told = tmp_path / "told"
    notifier = ProgramNotifier([sys.executable, "-c", WRITES, str(told)])
    await notifier.send(parse_contact("Tester@example.test"), "012345")
    assert json.loads(await asyncio.to_thread(told.read_bytes)) == {
        "kind": "email",
        "contact": "tester@example.test",
        "code": "012345",
    }


@pytest.mark.parametrize(
    "argv", [["/no/such/program"], [sys.executable, "-c", "raise SystemExit(3)"]]
)
async def test_a_program_that_fails_is_an_error_without_the_code(argv: list[str]) -> None:
    with pytest.raises(NotifierError) as caught:
        await ProgramNotifier(argv).send(parse_contact(MOBILE), "012345")
    assert "012345" not in str(caught.value)
    assert MOBILE not in str(caught.value)


async def test_a_site_that_is_no_demo_shows_no_code(
    test_issuer: TestIssuer, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    options = SiteOptions(
        settings={"demo": False, "notify": (sys.executable, "-c", WRITES, str(told))}
    )
    async with running_site(test_issuer, tmp_path, options) as site:
        visitor = await site.visitor()
        _, answer = await visitor.post("/api/otp", {"contact": MOBILE})
        assert answer == {"contact_kind": "mobile", "demo_code": None, "expires_in": 300}
        assert (await visitor.get("/api/config"))[1]["demo"] is False
        code = json.loads(await asyncio.to_thread(told.read_bytes))["code"]
        body = {"contact": MOBILE, "code": code}
        assert await visitor.code("/api/otp/confirm", body) == "ok"


class Broken:
    """Cannot reach anybody."""

    async def send(
        self, contact: Contact, code: str, language: Language = Language.CHINESE
    ) -> None:
        assert len(contact.value) == 10
        assert language is Language.CHINESE
        raise NotifierError("no way" if code.isdigit() else "no code")


async def test_a_code_that_was_not_sent_is_not_claimed_to_be(
    test_issuer: TestIssuer, tmp_path: Path
) -> None:
    options = SiteOptions(replacements={"notifier": Broken()})
    async with running_site(test_issuer, tmp_path, options) as site:
        visitor = await site.visitor()
        assert await visitor.code("/api/otp", {"contact": MOBILE}) == "internal"
