"""Whom to tell of a weakness, at the address that RFC 9116 names."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent.portal import config as config_module
from agent.portal.operations.security_txt import (
    PATH,
    SecurityTxtSettings,
    read_signed,
    security_txt,
)
from agent.virtualcard.issuer import TestIssuer
from tests.portal.support import SiteOptions, Visitor, running_site

CONTACT = "mailto:security@city.example"
NOW = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
ORIGINS = ("https://portal.example", "http://localhost:8080")
SETTINGS = SecurityTxtSettings(
    contact=(CONTACT, "https://city.example/report"),
    encryption="openpgp4fpr:5f2de5521c63a801ab59ccb603d49de44b29100f",
    policy="https://city.example/policy",
)
SIGNED = """\
-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA512

Contact: mailto:security@city.example
Expires: {expires}
-----BEGIN PGP SIGNATURE-----

iQ==
-----END PGP SIGNATURE-----
"""


def fields(text: str) -> list[tuple[str, str]]:
    pairs = [line.split(": ", 1) for line in text.splitlines()]
    return [(name, value) for name, value in pairs]


def test_it_says_whom_to_tell_and_until_when() -> None:
    said = fields(security_txt(SETTINGS, ORIGINS, NOW))
    assert said == [
        ("Contact", CONTACT),
        ("Contact", "https://city.example/report"),
        ("Expires", "2027-06-29T00:00:00Z"),
        ("Encryption", "openpgp4fpr:5f2de5521c63a801ab59ccb603d49de44b29100f"),
        ("Policy", "https://city.example/policy"),
        ("Preferred-Languages", "zh-Hant, en"),
        ("Canonical", f"https://portal.example{PATH}"),
    ]


@pytest.mark.parametrize("days", range(0, 800, 37))
def test_its_end_is_always_in_the_future_and_within_a_year(days: int) -> None:
    moment = NOW + timedelta(days=days, seconds=days)
    said = dict(fields(security_txt(SETTINGS, (), moment)))
    end = datetime.fromisoformat(said["Expires"])
    assert moment + timedelta(days=90) < end < moment + timedelta(days=365)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"contact": []},
        {"contact": ["security@city.example"]},
        {"contact": ["http://city.example/"]},
        {"contact": ["mailto:nobody"]},
        {"contact": ["tel:110"]},
        {"contact": [f"{CONTACT}\nExpires: 2999-01-01T00:00:00Z"]},
        {"contact": [f"{CONTACT}\n"]},
        {"contact": ["mailto:安全@city.example"]},
        {"contact": [CONTACT] * 9},
        {"contact": [CONTACT], "policy": "http://city.example/"},
        {"contact": [CONTACT], "encryption": "key.asc"},
        {"contact": [CONTACT], "languages": ["zh TW"]},
        {"contact": [CONTACT], "signed": "x.txt"},
        {"contact": [CONTACT], "expires": "2999-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_settings_that_name_nobody_or_break_the_form_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, SecurityTxtSettings)


def test_what_the_readme_shows_is_such_a_setting() -> None:
    readme = Path(config_module.__file__).with_name("README.md").read_text("utf-8")
    (block,) = re.findall(r"```toml\n(\[security_txt\]\n.*?)```", readme, re.DOTALL)
    found = msgspec.toml.decode(block.encode())["security_txt"]
    assert msgspec.convert(found, SecurityTxtSettings).contact == (CONTACT,)


async def test_nothing_is_there_where_nobody_is_named(visitor: Visitor) -> None:
    async with visitor.http.get(PATH) as answer:
        assert answer.status == 404


async def test_anybody_is_told(test_issuer: TestIssuer, tmp_path: Path) -> None:
    options = SiteOptions(settings={"security_txt": SETTINGS})
    async with running_site(test_issuer, tmp_path, options) as site:
        stranger = await site.visitor()
        async with stranger.http.get(PATH) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
            assert f"Contact: {CONTACT}\n" in await answer.text()
        async with stranger.http.head(PATH) as answer:
            assert answer.status == 200


async def test_a_signed_text_is_served_as_it_is_until_it_ends(
    test_issuer: TestIssuer, tmp_path: Path
) -> None:
    file = tmp_path / "signed.txt"
    end = datetime.now(UTC) + timedelta(days=300)
    file.write_text(SIGNED.format(expires=end.isoformat()), "utf-8")
    options = SiteOptions(settings={"security_txt": SecurityTxtSettings(signed=str(file))})
    async with running_site(test_issuer, tmp_path, options) as site:
        stranger = await site.visitor()
        async with stranger.http.get(PATH) as answer:
            assert await answer.read() == file.read_bytes()
        site.clock.offset = timedelta(days=301).total_seconds()
        async with stranger.http.get(PATH) as answer:
            assert answer.status == 404


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Contact: mailto:a@b.example\nExpires: 2027-06-01T00:00:00Z\n",
        SIGNED.format(expires="2026-12-31T23:59:59Z"),  # now
        SIGNED.format(expires="2028-06-01T00:00:00Z"),
        SIGNED.format(expires="2027-06-01T00:00:00"),
        SIGNED.format(expires="soon"),
        SIGNED.format(expires="2027-06-01T00:00:00Z\nExpires: 2027-06-02T00:00:00Z"),
        SIGNED.format(expires="2027-06-01T00:00:00Z").replace("Contact", "Contacts"),
        "x" * 70_000,
    ],
    ids=lambda text: text[-110:-60],
)
def test_a_signed_text_that_is_none_is_refused_at_the_start(tmp_path: Path, text: str) -> None:
    file = tmp_path / "signed.txt"
    file.write_text(text, "utf-8")
    with pytest.raises((ValueError, OSError)):
        read_signed(file, NOW)
