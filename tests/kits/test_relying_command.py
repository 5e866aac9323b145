"""``ankong verify --login`` judges as the site does, and promises nothing that is not proven."""

import json
from datetime import datetime
from pathlib import Path
from unittest.mock import Mock

import pytest

from agent import cli
from agent.cms.login import challenge_text
from tests.kits.relying_support import CHALLENGE, ORIGIN, document, token
from tests.signing import pki_support as pki

PROVEN, BROKEN, NOT_JUDGED, NOT_PROVEN = 0, 1, 2, 3
SITE = ("--login", "--origin", ORIGIN, "--challenge", challenge_text(CHALLENGE))
TRUST = {"anchors": pki.root().der, "intermediates": pki.issuing().der}
LISTS = {"root.crl": pki.root().crl(), "ca.crl": pki.issuing().crl()}


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Mock(wraps=datetime)
    clock.now.return_value = pki.NOW  # the certificates' day, not today
    monkeypatch.setattr("agent.commands.verify.datetime", clock)


def words(
    folder: Path, raw: bytes, *more: str, trusted: bool = True, listed: bool = True
) -> list[str]:
    (folder / "login.der").write_bytes(raw)
    found = ["verify", str(folder / "login.der")]
    for name, content in TRUST.items() if trusted else ():
        (folder / name).write_bytes(content)
        found += [f"--{name}", str(folder / name)]
    for name, content in LISTS.items() if listed else ():
        (folder / name).write_bytes(content)
        found += ["--crl", str(folder / name)]
    return [*found, *more]


def test_a_login_of_this_site_is_proven(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = words(tmp_path, token(), *SITE)
    assert cli.run(command) == PROVEN
    said = capsys.readouterr().out
    assert said.startswith("proven: ")
    assert f"to log in to {ORIGIN}" in said
    assert cli.run([*command, "--json"]) == PROVEN
    answer = json.loads(capsys.readouterr().out)
    assert (answer["verdict"], answer["code"]) == ("valid", None)
    assert answer["login"]["name"] == "王測試"
    assert answer["login"]["origin"] == ORIGIN


CASES = {
    "other origin": (BROKEN, "origin_mismatch", token(origin="https://evil.example"), {}),
    "other challenge": (BROKEN, "challenge_mismatch", token(challenge=bytes(32)), {}),
    "other purpose": (BROKEN, "purpose_mismatch", token(), {"more": ("--purpose", "identify")}),
    "document": (BROKEN, "wrong_content_type", document(b"x"), {}),
    "garbage": (BROKEN, "signature_invalid", b"garbage", {}),
    "too long": (BROKEN, "signature_invalid", bytes(70000), {}),
    "no list": (NOT_PROVEN, "revocation_unknown", token(), {"listed": False}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_has_the_site_s_code(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, code, raw, changes = CASES[name]
    command = words(tmp_path, raw, *SITE, *changes.get("more", ()), listed="listed" not in changes)
    assert cli.run(command) == status
    said = capsys.readouterr().out
    first = "not proven" if status == NOT_PROVEN else "broken"
    assert said.startswith(f"{first}: refused as {code}\n")
    assert cli.run([*command, "--json"]) == status
    answer = json.loads(capsys.readouterr().out)
    assert (answer["code"], answer["login"]) == (code, None)


@pytest.mark.parametrize(
    "site",
    [
        ("--login",),
        ("--login", "--origin", ORIGIN),
        ("--login", "--challenge", challenge_text(CHALLENGE)),
        ("--origin", ORIGIN),
        ("--challenge", challenge_text(CHALLENGE)),
        ("--login", "--origin", ORIGIN + "/", "--challenge", challenge_text(CHALLENGE)),
        ("--login", "--origin", ORIGIN, "--challenge", challenge_text(CHALLENGE) + "="),
        ("--login", "--origin", ORIGIN, "--challenge", "測試"),
        ("--login", "--origin", ORIGIN, "--challenge", "AAAA"),
    ],
    ids=[
        "nothing",
        "origin",
        "challenge",
        "site",
        "text",
        "slash",
        "padded",
        "ideographs",
        "short",
    ],
)
def test_without_what_the_site_knows_nothing_is_judged(
    site: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(words(tmp_path, token(), *site)) == NOT_JUDGED
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("ankong: ")


def test_without_authorities_nothing_is_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(words(tmp_path, token(), *SITE, trusted=False)) == NOT_JUDGED
    assert "--anchors" in capsys.readouterr().err
