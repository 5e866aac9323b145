"""The catalogues: whole in every language, with the same placeholders, and quickly read."""

import io
import json
import re
import string
import time
from pathlib import Path
from typing import Any, cast

import pytest
from babel.messages.pofile import read_po

from agent import words
from agent.portal.statics import load_statics
from agent.web.panel import files as panel_files
from agent.words import CHOICES, REVIEWED, SOURCE, Language, catalogue, load, section
from agent.words.browser import PLURAL, browser_languages, browser_texts, plural_digits
from agent.words.choices import choice_label
from agent.words.po import CountedText, Text, parse

FOLDER = Path(words.__file__).parent
KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-zA-Z0-9_-]+)+")


def content_of(language: Language) -> str:
    return (FOLDER / f"{language.posix}.po").read_text("utf-8")


def sources(text: str) -> dict[str, tuple[str, ...]]:
    """Take the English texts that stand beside the translations."""
    ids = {each.context: each.id for each in read_po(io.StringIO(text)) if each.context}
    return {key: (value,) if isinstance(value, str) else value for key, value in ids.items()}


def forms(text: Text) -> tuple[str, ...]:
    return text.forms if isinstance(text, CountedText) else (text,)


def gaps(text: str) -> set[str | None]:
    return {gap for _, gap, _, _ in string.Formatter().parse(text) if gap is not None}


def check_translation(key: str, english: Text, text: Text) -> None:
    assert isinstance(text, CountedText) == isinstance(english, CountedText), key
    wanted = gaps(forms(english)[-1])
    if isinstance(text, CountedText):
        assert "count" in wanted, key
        for number, form in enumerate(text.forms):
            counts = [count for count in range(200) if text.choose(count) == number]
            assert counts, f"{key}: no count has the form {number}"
            # A form for one count only may say it in words.
            optional = {"count"} if len(counts) == 1 else set()
            assert wanted - optional <= gaps(form) <= wanted, (key, form)
    else:
        assert gaps(text) == wanted, key
    assert all(form.strip() for form in forms(text)), key


@pytest.mark.parametrize("language", Language)
def test_every_language_says_everything_with_the_same_placeholders(language: Language) -> None:
    english, own = load(SOURCE), parse(content_of(language))
    assert list(own) == list(english)
    for key, text in own.items():
        assert KEY.fullmatch(key), key
        assert PLURAL not in key.split("."), key
        check_translation(key, english[key], text)


@pytest.mark.parametrize("language", [each for each in Language if each.posix != "zh_TW"])
def test_no_window_has_marks_that_its_font_draws_as_wide_as_an_ideograph(
    language: Language,
) -> None:
    """The windows' fonts have to have ideographs, and those have wide quotation marks."""
    for area in ("prompt", "wizard", "installer", "common"):
        for key, text in load(language).items():
            if key.startswith(f"{area}."):
                assert not set("“”‘’") & set("".join(forms(text))), key


@pytest.mark.parametrize("language", Language)
def test_no_translation_is_of_an_older_english_text(language: Language) -> None:
    text = content_of(language)
    assert sources(text) == {key: forms(value) for key, value in load(SOURCE).items()}
    assert not re.search(r"(?m)^#(, .*fuzzy|~)", text)
    keys = re.findall(r'(?m)^msgctxt "(.+)"$', text)
    assert len(keys) == len(set(keys))
    assert f'"Language: {language.posix}\\n"' in text
    for paragraph in text.split("\n\n")[1:]:
        # A merge that keeps both sides makes an entry whose last half alone is ever said.
        assert len(re.findall(r"(?m)^msgid ", paragraph)) == 1, paragraph
        (value,) = parse(f"{text.partition(chr(10) * 2)[0]}\n\n{paragraph}").values()
        has_gaps = bool(gaps(forms(value)[-1]))
        assert ("#, python-brace-format" in paragraph) == has_gaps, paragraph


@pytest.mark.parametrize("language", Language)
def test_no_text_begins_or_ends_with_a_space_or_has_two(language: Language) -> None:
    for key, text in load(language).items():
        for form in forms(text):
            assert form == form.strip(), key
            assert "  " not in form, key


HALF_WIDTH = re.compile(r"[㐀-鿿}] ?[,;:!?()]|[,;:!?()] ?[㐀-鿿]|[㐀-鿿] ?\.(?![a-z])")
NO_SPACE = re.compile(r"[㐀-鿿][A-Za-z0-9{]|[A-Za-z0-9}][㐀-鿿]")
ONE_TERM = {
    "讀卡機服務": "智慧卡服務",
    "管理者": "管理政策|管理員",
    "這台電腦": "這部電腦",
    "PIN 碼": "PIN碼|密碼（PIN）",
    "抽出": "拔出|抽走",
    "連接埠": "連結埠|通訊埠",
    "占用": "佔用",
    "紀錄": "使用記錄",
    "櫃檯": "櫃台",
}
"""The term for a thing, and what it is not called."""


def test_chinese_sentences_have_their_own_marks_and_one_term_for_a_thing() -> None:
    for key, text in load(Language.CHINESE).items():
        # Left out: access keys, commands, and what a desktop searches by.
        said = re.sub(r"\(&\w\)|\(Y\)|`[^`]*`", "", forms(text)[0])
        if key != "product.search_words":
            assert not HALF_WIDTH.search(said), key
        assert not NO_SPACE.search(said), key
        for term, other in ONE_TERM.items():
            assert not re.search(other, said), f"{key}: {term}"


def test_what_a_language_lacks_is_said_in_english(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chinese = (
        '#, fuzzy\nmsgctxt "a.one"\nmsgid "x"\nmsgstr "不確定"\n\n'
        'msgctxt "a.two"\nmsgid "y"\nmsgstr "二"\n'
    )
    english = "".join(
        f'msgctxt "a.{name}"\nmsgid "{name}"\nmsgstr "{name}"\n\n'
        for name in ("one", "two", "three")
    )
    english += (
        'msgctxt "a.many"\nmsgid "{count} day"\nmsgid_plural "{count} days"\n'
        'msgstr[0] "{count} day"\nmsgstr[1] "{count} days"\n'
    )
    (tmp_path / "zh_TW.po").write_text(chinese, "utf-8")
    (tmp_path / "en.po").write_text(english, "utf-8")
    monkeypatch.setattr(catalogue, "_FOLDER", tmp_path)
    load.cache_clear()
    try:
        found = section(Language.CHINESE, "a")
        assert [found[name] for name in ("one", "two", "three")] == ["one", "二", "three"]
        assert [found["many"].format(count=count) for count in (1, 5)] == ["1 day", "5 days"]
    finally:
        load.cache_clear()


def test_a_catalogue_is_read_within_the_time_that_a_window_has() -> None:
    load.cache_clear()
    start = time.process_time()
    load(Language.CHINESE)
    assert time.process_time() - start < 0.05


def test_keys_with_numbers_are_tuples_and_others_mappings(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"a.one": "1", "a.many.1.1": "x", "a.many.1.2": "y", "a.named.by-tag": "z", "b.c": "d"}
    monkeypatch.setattr(catalogue, "load", lambda _: texts)
    assert section(Language.ENGLISH, "a") == {
        "one": "1",
        "many": (("x", "y"),),
        "named": {"by-tag": "z"},
    }
    assert browser_texts(Language.ENGLISH, "a")["many"] == [["x", "y"]]


def test_a_number_of_things_is_said_in_the_language_s_own_form() -> None:
    english, chinese = section(Language.ENGLISH, "prompt"), section(Language.CHINESE, "prompt")
    assert english["attempts_left"].format(count=1) == "1 try left."
    assert english["attempts_left"].format_map({"count": "2"}) == "2 tries left."
    assert chinese["attempts_left"].format(count=1) == "還可以輸入 1 次。"


COLOURS = re.compile(
    r"(?i)[紅綠黃橙藍]色|màu (?:đỏ|xanh|vàng)"
    r"|\b(?:red|green|yellow|orange|amber|merah|hijau|kuning|oranye)\b"
)


@pytest.mark.parametrize("language", Language)
def test_nothing_is_told_by_a_colour(language: Language) -> None:
    texts = load(language).items()
    assert [name for name, text in texts if COLOURS.search(str(text))] == []


# What is said in several places.

PAGES = {
    "panel": ("agent/web/panel/static", panel_files.load()["/panel/js/texts.js"].read().decode()),
    "portal": ("agent/portal/static", load_statics()["/js/texts.js"].body.decode()),
}
USED = re.compile(r"""\b(?:t|list|has|hasText)\(\s*"([\w.]+)"|"(codes\.\w+)\"""")


def texts_of(module: str) -> dict[str, Any]:
    found = re.search(r"(?m)^const TEXTS = (.+);$", module)
    assert found is not None
    return cast("dict[str, Any]", json.loads(found[1]))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_every_text_that_its_script_names(page: str) -> None:
    folder, module = PAGES[page]
    scripts = [path.read_text("utf-8") for path in (FOLDER.parents[1] / folder).rglob("*.js")]
    used = {one or other for script in scripts for one, other in USED.findall(script)}
    assert len(used) > 50
    for texts in texts_of(module).values():
        for key in used:
            found: Any = texts
            for part in key.split("."):
                found = found.get(part, {})
            assert found, key


def test_a_page_says_its_own_sentence_for_a_code_and_else_the_common_one() -> None:
    panel, portal = (texts_of(module)["en"]["codes"] for _, module in PAGES.values())
    assert panel["pin_locked"] == portal["pin_locked"] == load(SOURCE)["codes.pin_locked"]
    assert panel["no_card"] == load(SOURCE)["panel.codes.no_card"]
    assert portal["no_card"] == load(SOURCE)["portal.codes.no_card"]


def test_no_sentence_stands_twice() -> None:
    """Labels and buttons may: each has its place, and may come to say something else there."""
    stands: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for key, english in load(SOURCE).items():
        said = tuple(forms(load(language)[key]) for language in Language)
        if forms(english)[0].endswith((".", "?", "!")):
            stands.setdefault(said, []).append(key)
    assert [keys for keys in stands.values() if len(keys) > 1] == [
        # One is the agent's word for it, one the SDK's: a page may come to tell them apart.
        ["panel.codes.user_cancelled", "portal.codes.aborted"],
        # A reader's state, and why a step with a card failed.
        ["panel.codes.unsupported_card", "panel.selftest.card_unsupported"],
        # The last step of one list, and of another.
        ["portal.component.kinds.deb.steps.2", "portal.component.kinds.rpm.steps.2"],
    ]


def test_a_code_has_two_sentences_only_where_they_differ() -> None:
    for language in Language:
        common, panel, portal = (section(language, area) for area in ("codes", "panel", "portal"))
        panel, portal = panel["codes"], portal["codes"]
        assert not common.keys() & (panel.keys() | portal.keys())
        assert all(panel[code] != portal[code] for code in panel.keys() & portal.keys())


# The list.


def test_every_language_of_the_list_has_what_each_system_calls_it() -> None:
    for name in ("endonym", "posix", "windows", "nsis", "date_locale"):
        values = [getattr(each, name) for each in Language]
        assert len(set(values)) == len(values), name
    assert all(f"{each.posix}.po" in {path.name for path in FOLDER.iterdir()} for each in Language)
    assert SOURCE in REVIEWED


def test_a_language_that_nobody_has_reviewed_is_offered_with_a_remark() -> None:
    for speaking in Language:
        labels = [choice_label(each, speaking) for each in CHOICES]
        assert len(set(labels)) == len(CHOICES)
        for language, label in zip(Language, labels[1:], strict=True):
            assert language.endonym in label
            assert (label == language.endonym) == language.is_reviewed


def test_a_script_is_told_every_language() -> None:
    told = browser_languages()
    assert [each["tag"] for each in told] == list(Language)
    assert [each["tag"] for each in told if each["reviewed"]] == list(REVIEWED)


# How a script chooses a plural form.


def chosen_by_script(digits: str, count: int) -> int:
    return int(digits[min(count if count < 200 else 100 + count % 100, len(digits) - 1)])


@pytest.mark.parametrize(
    "expression",
    [
        "0",
        "n != 1",
        "n > 1",
        "n%10==1 && n%100!=11 ? 0 : n != 0 ? 1 : 2",
        "n==1 ? 0 : n==2 ? 1 : 2",
        "n==1 ? 0 : (n==0 || (n%100 > 0 && n%100 < 20)) ? 1 : 2",
        "n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2",
        "n%100==1 ? 0 : n%100==2 ? 1 : n%100==3 || n%100==4 ? 2 : 3",
        "n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5",
    ],
)
def test_a_script_chooses_as_gettext_does(expression: str) -> None:
    from gettext import c2py

    choose = c2py(expression)
    digits = plural_digits(choose)
    assert all(chosen_by_script(digits, count) == choose(count) for count in range(5000))
