"""The reader of PO files agrees with the tools of translators."""

import io
import shutil
import subprocess
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from agent import words
from agent.words.po import CountedText, Text, _parse_into, _plural_rule, parse, read

FILES = sorted(Path(words.__file__).parent.glob("*.po"))
HEAD = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=2; plural=n != 1;\n"

"""
ODD = (
    HEAD
    + r"""
# a translator's remark
#. one for translators
#: source.py:12
#, c-format, python-brace-format
#| msgid "before"
msgctxt   "a.pieces" msgid "x"	"y"
  "z" msgstr
"one "   "two"
" three"
msgctxt "a.escapes"
msgid "e"
msgstr "\t\"quoted\" back\\slash \346\274\242 \xe5\xad\x97 \a\b\f\v"

#, fuzzy
msgctxt "a.fuzzy"
msgid "f"
msgstr "not sure"

#~ msgctxt "a.obsolete"
#~ msgid "o"
#~ msgstr "gone"

msgctxt "a.empty"
msgid "nothing yet"
msgstr ""

msgctxt "a.days"
msgid "{count} day"
msgid_plural "{count} days"
msgstr [ 0 ] "{count} day"
msgstr[1] "{count} "
"days"

msgid "no context"
msgstr "ignored"
"""
)


def as_babel_reads(content: bytes) -> dict[str, tuple[str, ...]]:
    found = {}
    for message in read_po(io.BytesIO(content), abort_invalid=True):
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.context and not message.fuzzy and all(forms):
            found[message.context] = forms
    return found


def forms(texts: dict[str, Text]) -> dict[str, tuple[str, ...]]:
    return {
        key: text.forms if isinstance(text, CountedText) else (text,) for key, text in texts.items()
    }


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_every_catalogue_is_read_as_babel_reads_it(file: Path) -> None:
    assert forms(read(file)) == as_babel_reads(file.read_bytes())


def test_what_the_format_allows_is_understood(tmp_path: Path) -> None:
    texts = parse(ODD)
    assert list(texts) == ["a.pieces", "a.escapes", "a.days"]
    assert texts["a.pieces"] == "one two three"
    assert texts["a.escapes"] == '\t"quoted" back\\slash 漢 字 \a\b\f\v'
    days = texts["a.days"]
    assert isinstance(days, CountedText)
    assert [days.format(count=count) for count in (0, 1, 2)] == ["0 days", "1 day", "2 days"]
    assert parse(ODD.replace("\n", "\r\n")) == texts
    if shutil.which("msgfmt"):  # it must accept what is understood here
        file = tmp_path / "odd.po"
        file.write_text(ODD, "utf-8")
        subprocess.run(["msgfmt", "-c", "-o", tmp_path / "odd.mo", file], check=True)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_msgfmt_accepts_every_catalogue(file: Path, tmp_path: Path) -> None:
    if not shutil.which("msgfmt"):
        pytest.skip("gettext is not installed")
    subprocess.run(["msgfmt", "--check", "-o", tmp_path / "out.mo", file], check=True)


def test_another_charset_is_read_as_its_header_says(tmp_path: Path) -> None:
    text = HEAD.replace("UTF-8", "Big5") + 'msgctxt "a.b"\nmsgid "c"\nmsgstr "安控"\n'
    file = tmp_path / "old.po"
    file.write_text(text, "big5")
    assert read(file) == {"a.b": "安控"}


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        'msgid "a"\n',
        'msgstr "a"\n',
        'msgid "a"\nmsgid "b"\nmsgstr "c"\n',
        'msgid "a"\nmsgstr "open\n',
        'msgid "a"\nmsgstr "b" c\n',
        'msgwhat "a"\n',
        HEAD.replace("n != 1", "n"),
        HEAD.replace("n != 1", "__import__"),
    ],
)
def test_what_is_no_catalogue_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


AROUND = st.sampled_from(
    [
        "",
        "\n",
        "\n\n",
        "# a remark\n",
        '# a "remark"\n\n',
        "#, fuzzy\n",
        "#, fuzzy\n\n",
        "#, python-brace-format\n",
        '"more"\n',
        '\n"more"\n',
        'msgctxt "a.b"\n',
        'msgid ""\nmsgstr "Plural-Forms: nplurals=1; plural=0;\\n"\n\n',
        'msgctxt "p.{}"\nmsgid "d"\nmsgid_plural "ds"\nmsgstr[0] "d"\nmsgstr[1] "ds"\n\n',
        'msgctxt "e.{}"\nmsgid "q"\nmsgstr "\\"quoted\\""\n\n',
        'msgctxt "n.{}"\nmsgid "n"\nmsgstr ""\n\n',
    ]
)


@given(st.lists(AROUND, max_size=6))
def test_plain_entries_read_quickly_are_those_read_slowly(around: list[str]) -> None:
    text = HEAD.lstrip()
    for number, each in enumerate(around):
        text += each.replace("{}", str(number))
        text += f'msgctxt "a.{number}"\nmsgid "one"\nmsgstr "two"\n\n'
    slowly: dict[str, Text] = {}
    try:
        _parse_into(slowly, text, _plural_rule(""))
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            parse(text)
    else:
        assert list(forms(parse(text)).items()) == list(forms(slowly).items())
