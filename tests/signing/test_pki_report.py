"""What ``ankong verify`` says about a file."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from agent import cli
from agent.cms.attributes import SignedAttributes
from agent.cms.document import Document
from agent.cms.errors import CmsError
from agent.cms.login import LoginPurpose, LoginStatement
from agent.cms.signed import prepare, prepare_login
from agent.commands.times import local_time
from agent.pki.report import Inputs, verify_files
from tests.signing import pki_support as pki

DOCUMENT = "契約\n".encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, attached in (("attached", True), ("detached", False)):
        prepared = prepare(
            pki.citizen(),
            Document(DOCUMENT),
            signed=SignedAttributes(pki.NOW, b"\x01\x02\x03\x04", "TP07000000000001"),
            attached=attached,
        )
        (tmp_path / name).write_bytes(prepared.finish(pki.sign(prepared.digest)))
    (tmp_path / "content").write_bytes(DOCUMENT)
    (tmp_path / "root.cer").write_bytes(pki.root().der)
    (tmp_path / "ca.cer").write_bytes(pki.issuing().der)
    (tmp_path / "root.crl").write_bytes(pki.root().crl())
    (tmp_path / "ca.crl").write_bytes(pki.issuing().crl())
    return tmp_path


def chain_inputs(folder: Path, name: str = "attached", content: str | None = None) -> Inputs:
    return Inputs(
        folder / name,
        folder / content if content else None,
        anchors=[folder / "root.cer"],
        intermediates=[folder / "ca.cer"],
        crls=[folder],
    )


async def test_a_good_file_is_valid_and_everything_is_told(folder: Path) -> None:
    report = json.loads(json.dumps(await verify_files(chain_inputs(folder), pki.NOW)))
    assert report["verdict"] == "valid"
    assert report["signature"] == "good"
    assert report["signed"]["signing_time"] == "2026-06-15T08:30:00Z"
    assert report["signed"]["content_length"] == len(DOCUMENT)
    assert report["signed"]["nonce"] == "01020304"
    assert report["signed"]["card_serial"] == "TP07000000000001"
    assert report["signer"]["subject_cn"] == "王測試"
    assert report["chain"]["status"] == "valid"
    assert len(report["chain"]["path"]) == 3


async def test_a_detached_file_needs_its_content(folder: Path) -> None:
    report = await verify_files(chain_inputs(folder, "detached", "content"), pki.NOW)
    assert report["verdict"] == "valid"
    with pytest.raises(CmsError, match="content is not given"):
        await verify_files(chain_inputs(folder, "detached"), pki.NOW)
    (folder / "content").write_bytes(DOCUMENT + b"!")
    report = await verify_files(chain_inputs(folder, "detached", "content"), pki.NOW)
    assert (report["verdict"], report["signature"]) == ("invalid", "bad")
    assert report["error"]


async def test_without_anchors_only_the_signature_is_judged(folder: Path) -> None:
    report = await verify_files(Inputs(folder / "attached"), pki.NOW)
    assert report["verdict"] == "not_proven"
    assert report["chain"]["status"] == "not_checked"


async def test_a_good_signature_by_a_revoked_certificate_is_invalid(folder: Path) -> None:
    (folder / "ca.crl").write_bytes(pki.issuing().crl([0x5A01]))
    report = await verify_files(chain_inputs(folder), pki.NOW)
    assert (report["verdict"], report["signature"]) == ("invalid", "good")
    assert report["chain"]["status"] == "revoked"
    assert report["chain"]["moment"] == "2026-06-13T08:30:00Z"


async def test_old_lists_are_stale_and_no_lists_are_unknown(folder: Path) -> None:
    report = await verify_files(chain_inputs(folder), pki.NOW + timedelta(days=5))
    assert report["chain"]["status"] == "stale"
    (folder / "ca.crl").unlink()
    report = await verify_files(chain_inputs(folder), pki.NOW)
    assert report["chain"]["status"] == "unknown"
    assert report["verdict"] == "not_proven"


def test_the_command_says_what_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Mock(wraps=datetime)
    clock.now.return_value = pki.NOW  # the certificates' day, not today
    monkeypatch.setattr("agent.commands.verify.datetime", clock)
    given = ["--anchors", str(folder / "root.cer"), "--intermediates", str(folder / "ca.cer")]
    assert cli.run(["verify", str(folder / "attached"), *given]) == 3
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "certificate: unknown",
        "  nobody said whether it is revoked; give the lists of its issuers with --crl",
    ]


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (None, (0, "proven")),
        ("anchors", (3, "not proven")),
        ("crl", (3, "not proven")),
        ("revoked", (1, "broken")),
        ("content", (1, "broken")),
    ],
)
def test_the_exit_status_and_the_first_word_tell_the_three_cases_apart(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    spoil: str | None,
    expected: tuple[int, str],
) -> None:
    clock = Mock(wraps=datetime)
    clock.now.return_value = pki.NOW
    monkeypatch.setattr("agent.commands.verify.datetime", clock)
    inputs = chain_inputs(folder, "detached", "content")
    if spoil == "revoked":
        (folder / "ca.crl").write_bytes(pki.issuing().crl([0x5A01]))
    if spoil == "content":
        (folder / "content").write_bytes(DOCUMENT + b"!")
    words = ["verify", str(inputs.message), "--content", str(inputs.content)]
    for option, files in (
        ("anchors", inputs.anchors),
        ("intermediates", inputs.intermediates),
        ("crl", inputs.crls),
    ):
        if option != spoil:
            words += [word for file in files for word in (f"--{option}", str(file))]
    status = cli.run(words)
    said = capsys.readouterr().out
    assert (status, said.partition(":")[0]) == expected
    assert "good" not in said.partition("certificate")[0].lower().split()


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x30\x80"])
async def test_a_file_that_is_no_message_is_bad(folder: Path, content: bytes) -> None:
    (folder / "attached").write_bytes(content)
    report = await verify_files(chain_inputs(folder), pki.NOW)
    assert (report["verdict"], report["signature"]) == ("invalid", "bad")


async def test_a_file_that_is_not_there_is_an_error(folder: Path) -> None:
    with pytest.raises(CmsError, match="missing"):
        await verify_files(Inputs(folder / "missing"), pki.NOW)
    with pytest.raises(CmsError, match="missing"):
        await verify_files(Inputs(folder / "attached", anchors=[folder / "missing"]), pki.NOW)


@pytest.mark.parametrize("purpose", LoginPurpose)
async def test_a_login_is_told_from_a_document(
    folder: Path, purpose: LoginPurpose, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = LoginStatement.make(purpose, "https://portal.example", bytes(32), pki.NOW)
    prepared = prepare_login(pki.citizen(), statement)
    (folder / "token").write_bytes(prepared.finish(pki.sign(prepared.digest)))
    report = json.loads(json.dumps(await verify_files(chain_inputs(folder, "token"), pki.NOW)))
    assert report["verdict"] == "valid"
    assert report["login"] == {
        "origin": "https://portal.example",
        "purpose": purpose.value,
        "challenge": "A" * 43,
        "time": "2026-06-15T08:30:00Z",
    }
    await asyncio.to_thread(cli.run, ["verify", str(folder / "token")])
    said = capsys.readouterr().out
    assert "this is a login, which is no signature over a document" in said
    assert "https://portal.example" in said
    assert "A" * 43 in said
    assert local_time("2026-06-15T08:30:00Z") in said


async def test_a_document_is_called_no_login(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (await verify_files(Inputs(folder / "attached"), pki.NOW))["login"] is None
    await asyncio.to_thread(cli.run, ["verify", str(folder / "attached")])
    assert "login" not in capsys.readouterr().out


async def test_a_login_of_another_form_is_bad(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = LoginStatement.make(LoginPurpose.LOGIN, "https://a.example", bytes(32), pki.NOW)
    text = statement.encode().replace(b".v1", b".v2")
    monkeypatch.setattr(LoginStatement, "encode", lambda _: text)
    prepared = prepare_login(pki.citizen(), statement)
    (folder / "token").write_bytes(prepared.finish(pki.sign(prepared.digest)))
    report = await verify_files(chain_inputs(folder, "token"), pki.NOW)
    assert (report["verdict"], report["signature"]) == ("invalid", "bad")
