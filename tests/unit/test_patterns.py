"""No pattern of a message or a setting lets a line feed pass at the end: Python's ``$`` does."""

import re
from pathlib import Path

import msgspec
import pytest

from agent.errors import BadRequestError
from agent.host.settings.config import Settings
from agent.web.panel.messages import Change, read

ROOT = Path(__file__).parents[2]
DOLLAR = re.compile(r'pattern=[^\n]*\$"')


def test_no_pattern_ends_with_a_dollar() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / "agent").rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if DOLLAR.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("update_url", "https://update.example/m"),
        ("update_keys", ["0" * 64]),
        ("hipki_version", "1.3"),
        ("timestamp_url", "https://time.example/tsa"),
        ("evidence_urls", ["https://lists.example/ca.crl"]),
        ("timestamp_anchors", ["/etc/ankong/time.cer"]),
        ("document_anchors", ["C:\\ankong\\root.cer"]),
    ],
)
def test_a_setting_has_no_line_feed_at_its_end(name: str, value: str | list[str]) -> None:
    msgspec.convert({name: value}, Settings)
    broken = f"{value}\n" if isinstance(value, str) else [f"{value[0]}\n"]
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({name: broken}, Settings)


def test_a_language_is_named_exactly() -> None:
    assert read(Change, b'{"language":"en"}').language == "en"
    with pytest.raises(BadRequestError):
        read(Change, b'{"language":"en\\n"}')
