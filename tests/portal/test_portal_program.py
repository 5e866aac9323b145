"""The program as it is run: its ready line, its end, and what it never writes down."""

import asyncio
import base64
import signal
import sys
from pathlib import Path

import pytest

from agent.virtualcard.issuer import TestIssuer
from tests.portal.programs import running, whole_site
from tests.portal.support import Person, Visitor

REAL_LOOKING = "0900000077"


async def test_a_killed_portal_goes_on_where_it_was(
    test_issuer: TestIssuer, citizen: Person, tmp_path: Path
) -> None:
    async with whole_site(test_issuer, tmp_path) as arguments:
        async with running("agent.portal", tmp_path / "log", *arguments) as portal:
            assert portal.ready["ready"] is True
            assert portal.ready["url"] == f"http://localhost:{portal.ready['port']}"
            async with Visitor(portal.ready["origins"][1]) as visitor:
                member = await visitor.register()
                assert await visitor.upgrade(citizen) == "ok"
                cookies = visitor.cookies()
            assert await portal.end(signal.SIGKILL) == -signal.SIGKILL
        async with running("agent.portal", tmp_path / "log", *arguments) as portal:
            async with Visitor(portal.ready["origins"][1]) as visitor:
                visitor.set_cookies(cookies)
                gold = await visitor.member()
                assert (gold["id"], gold["grade"]) == (member["id"], "gold")
            assert await portal.end(signal.SIGINT) == 0


async def test_neither_log_nor_files_tell_whose_number_contact_code_or_signature(
    test_issuer: TestIssuer, citizen: Person, other_citizen: Person, tmp_path: Path
) -> None:
    secrets: list[bytes] = [citizen.id_number.encode(), citizen.subject_serial.encode()]
    async with (
        whole_site(test_issuer, tmp_path) as arguments,
        running("agent.portal", tmp_path / "portal.log", *arguments) as portal,
    ):
        async with Visitor(portal.ready["origins"][1]) as visitor:
            _, sent = await visitor.post("/api/otp", {"contact": REAL_LOOKING})
            body = {"contact": REAL_LOOKING, "code": sent["demo_code"]}
            assert await visitor.code("/api/otp/confirm", body) == "ok"
            await visitor.code("/api/otp", {"contact": "nonsense"})
            await visitor.get(f"/{citizen.id_number}?id={citizen.id_number}")
            refused = await visitor.upgrade_body(citizen, other_citizen.id_number)
            assert await visitor.code("/api/upgrade/card", refused) == "id_number_mismatch"
            accepted = await visitor.upgrade_body(citizen)
            assert await visitor.code("/api/upgrade/card", accepted) == "ok"
            tokens = [value.encode() for value in visitor.cookies().values()]
        assert await portal.end(signal.SIGTERM) == 0
    for made in (refused, accepted):
        end = base64.b64decode(made["token"])[-64:]
        secrets += [made["token"][:64].encode(), end, end.hex().encode()]
    written = await asyncio.to_thread(_everything_in, tmp_path)
    assert b"id_number_mismatch" in written["portal.log"]
    for name, content in written.items():
        for secret in (*secrets, *tokens):
            assert secret not in content, name
    for name in ("portal.log", "ics.log"):
        assert REAL_LOOKING.encode() not in written[name]
        assert sent["demo_code"].encode() not in written[name]
        assert other_citizen.id_number.encode() not in written[name]
        assert "王測試".encode() not in written[name]


def _everything_in(folder: Path) -> dict[str, bytes]:
    ours = [path for path in folder.iterdir() if path.suffix not in {".cer", ".crl", ".json"}]
    return {path.name: path.read_bytes() for path in ours}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "anchor"),
        (["--anchors", "/no/such/file", "--ics-url", "https://ics.test/"], "file"),
        (["--anchors", "x", "--ics-url", "http://ics.test/"], "https"),
        (["--config", "/no/such/file"], "file"),
        (["--no-such-flag"], "no-such-flag"),
    ],
)
async def test_a_portal_that_cannot_start_says_why_in_a_line(
    arguments: list[str], complaint: str, tmp_path: Path
) -> None:
    database = ("--db", str(tmp_path / "portal.db"), "--port", "0")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent.portal", *database, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 2
    assert out == b""
    assert complaint in err.decode()
    assert b"Traceback" not in err
