"""What the windows say: both languages whole, strangers' texts harmless, lines well broken."""

import re
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.consent.questions import Act, DocumentFacts, Purpose
from agent.harmless import code_point, is_harmful, one_line
from agent.origin import LOCAL_USER, Origin
from agent.words import CountedText
from agent.words.language import Language, chosen_language, of_environment, of_tag
from tray.prompt.glyphs import is_drawn, shown_line
from tray.prompt.lines import (
    describe,
    mark_of,
    site_in_title,
    site_lines,
    texts_about,
)
from tray.prompt.style import HIGH_CONTRAST, LIGHT, Palette, system_palette
from tray.prompt.texts import PromptTexts, button_label, load_texts
from tray.prompt.wrap import fit, wrap

CHINESE, ENGLISH = load_texts(Language.CHINESE), load_texts(Language.ENGLISH)
BUTTONS = {
    "allow": ("cancel", "this_time", "always", "never"),
    "pin": ("cancel", "sign", "block", "show_all", "view"),
    "decrypt": ("cancel", "decrypt", "block"),
    "login": ("cancel", "login", "block"),
    "identify": ("cancel", "identify", "block"),
    "last": ("cancel", "last_confirm", "last_go_on"),
    "few": ("cancel", "few_confirm", "last_go_on"),
    "locked": ("ok",),
}


def said(language: PromptTexts, name: str) -> str:
    value = getattr(language, name)
    return "\n".join(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("language", [CHINESE, ENGLISH], ids=["zh", "en"])
@pytest.mark.parametrize("window", BUTTONS)
def test_each_button_has_an_access_key_of_its_own(language: PromptTexts, window: str) -> None:
    keys = []
    for name in BUTTONS[window]:
        label, at = button_label(said(language, name))
        keys.append(label[at].lower())
        assert "&" not in label
    assert len(set(keys)) == len(keys)
    assert all(key.isascii() and key.isalpha() for key in keys)


NO_SENTENCES = {
    *("product", "cancel", "ok", "site", "asker", "documents", "card", "called_by_site"),
    *("called_by_program", "no_name", "unshowable_name", "more_documents", "show_all"),
    *("whole_text", "fingerprint", "card_number", "no_holder", "virtual", "this_user"),
    "hidden_holder",
    *("this_program", "self_test", "this_time", "always", "never", "choose_place", "choose_go_on"),
    *("pin", "sign", "decrypt", "login", "identify", "block", "block_program", "last_confirm"),
    *("few_confirm", "unknown_confirm", "last_go_on", "file_fingerprint", "pages", "view"),
    *("mark", "remark", "administrator"),
}
"""Names, labels and what a button or a box says; titles too, which stand alone."""


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("window", [each.name for each in fields(PromptTexts)])
def test_a_sentence_says_where_it_ends_whatever_comes_after_it(
    window: str, language: Language
) -> None:
    if window in NO_SENTENCES or window.endswith("_title"):
        return
    value = getattr(load_texts(language), window)
    for text in value.forms if isinstance(value, CountedText) else said_at_once(value):
        assert text[-1] in ".?!。？！", text


def said_at_once(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, Language.ENGLISH),
        ({"LANG": "zh_TW.UTF-8"}, Language.CHINESE),
        ({"LANG": "en_US.UTF-8"}, Language.ENGLISH),
        ({"LANG": "de_DE.UTF-8"}, Language.ENGLISH),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_TW.UTF-8"}, Language.CHINESE),
        ({"LANG": "zh_TW.UTF-8", "LC_MESSAGES": "en_US"}, Language.ENGLISH),
        ({"LANG": "zh_TW.UTF-8", "LC_ALL": ""}, Language.CHINESE),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_TW:en"}, Language.CHINESE),
        ({"LANG": "C.UTF-8", "LANGUAGE": "zh_TW"}, Language.ENGLISH),
        ({"LANG": "POSIX"}, Language.ENGLISH),
    ],
)
def test_the_language_is_the_system_s(environment: dict[str, str], language: Language) -> None:
    assert of_environment(environment) is language


def test_the_citizen_s_own_choice_is_stronger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_TW.UTF-8")
    assert chosen_language("en") is Language.ENGLISH
    assert chosen_language("system") is Language.CHINESE
    assert chosen_language("xx") is Language.CHINESE
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert chosen_language("zh-Hant") is Language.CHINESE


def test_tags_of_all_systems_are_understood() -> None:
    assert all(of_tag(tag) is Language.CHINESE for tag in ("zh-Hant-TW", "zh_TW.Big5", "ZH"))
    assert all(of_tag(tag) is Language.ENGLISH for tag in ("", "en", "ja-JP"))


# What strangers say.


def test_the_host_comes_first_and_the_whole_origin_with_it() -> None:
    lines = site_lines(Origin.parse("https://portal.example:8443"), ENGLISH)
    assert (lines.before_domain, lines.domain) == ("", "portal.example")
    assert lines.origin == "https://portal.example:8443"
    assert lines.warnings == ()


def test_a_host_that_begins_like_another_s_belongs_to_the_domain_at_its_end() -> None:
    lines = site_lines(Origin.parse("https://www.gov.tw.login.example.com"), ENGLISH)
    assert (lines.before_domain, lines.domain) == ("www.gov.tw.login.", "example.com")


def test_punycode_stays_ascii_and_is_flagged_with_what_it_imitates() -> None:
    lines = site_lines(Origin.parse("https://www.xn--80ak6aa92e.com"), ENGLISH)
    assert lines.before_domain + lines.domain == "www.xn--80ak6aa92e.com"
    (warning,) = lines.warnings
    assert "www.аррӏе.com" in warning  # Cyrillic
    assert lines.origin == "https://www.xn--80ak6aa92e.com"
    broken = site_lines(Origin.parse("https://xn--99999999.com"), ENGLISH)
    assert broken.domain == "xn--99999999.com"
    assert len(broken.warnings) == 1


def test_an_ordinary_chinese_host_is_readable_and_its_origin_stays_ascii() -> None:
    lines = site_lines(Origin.parse("https://www.xn--kpry57d.tw"), ENGLISH)
    assert (lines.before_domain, lines.domain) == ("www.", "台灣.tw")
    assert lines.origin == "https://www.xn--kpry57d.tw"
    assert lines.warnings == ()


def test_a_connection_without_encryption_is_flagged_but_not_at_home() -> None:
    assert site_lines(Origin.parse("http://bank.example"), ENGLISH).warnings
    for at_home in ("http://localhost:8000", "http://127.0.0.1", "http://[::1]:8080"):
        assert not site_lines(Origin.parse(at_home), ENGLISH).warnings


def test_who_is_no_site_is_named_in_words() -> None:
    for name in ("local://user", "local://program", "local://self-test", str(LOCAL_USER)):
        lines = site_lines(Origin.parse_any(name), CHINESE)
        assert "local" not in lines.domain
        assert (lines.before_domain, lines.origin, lines.warnings) == ("", "", ())


@pytest.mark.parametrize("language", Language)
def test_what_is_no_site_is_not_called_one(language: Language) -> None:
    texts = load_texts(language)
    site, program = Origin.parse("https://portal.example"), Origin.parse_any("local://program")
    assert texts_about(site, texts) is texts
    shown = texts_about(program, texts)
    words = {
        "zh-Hant": ("網站", "網頁"),
        "en": ("site", "page"),
        "vi": ("trang",),
        "id": ("situs", "halaman"),
    }[language]
    for text in (
        *(shown.site, shown.allow_title, shown.allow_text, shown.covers_pin, shown.blind_title),
        *(shown.choose_title, shown.choose_text, shown.block),
        *(shown.unknown_title, shown.unknown_text, shown.unknown_confirm),
    ):
        assert not [word for word in words if word in text.lower()], text
    # It names other sites, but not who asks as one.
    for word in ("這個網站", "this site", "trang này", "situs ini"):
        assert word not in shown.blind_text.lower()


@given(st.text(max_size=400))
def test_no_text_of_a_stranger_can_play_tricks(text: str) -> None:
    shown = one_line(text)
    assert shown == shown.strip()
    for character in shown:
        assert not is_harmful(character)
        assert ord(character) < 0x10000 or 0x20000 <= ord(character) < 0x40000
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069\u200b-\u200f\r\n\t]", shown)


def test_rare_ideographs_of_names_are_shown() -> None:
    assert one_line("王\U00020bb7測試") == "王\U00020bb7測試"
    assert one_line("\U0001f4c4合約") == "〔U+1F4C4〕合約"


@pytest.mark.parametrize("character", ["\U0003158e", "\U0002ebf0", "\ue001"])
def test_what_no_font_draws_is_its_code_point(character: str) -> None:
    name = f"王{character}明"
    assert shown_line(name, lambda each: each != character) == f"王〔U+{ord(character):04X}〕明"
    assert shown_line(name, lambda _: True) == name


def test_this_computer_s_fonts_are_asked() -> None:
    assert shown_line("安控 A\N{NO-BREAK SPACE}é") == "安控 A é"
    assert not is_drawn("\U0010fffd")


def test_each_document_has_a_name_and_eight_bytes_of_fingerprint() -> None:
    documents = (DocumentFacts("a.pdf", bytes(range(32))), DocumentFacts(" \t ", bytes(32)))
    purpose = Purpose(Act.SIGN, "SHA-256", documents, 7)
    digits = "0001 0203 0405 0607…"
    assert describe(documents[0], purpose, ENGLISH) == (
        "a.pdf",
        f"SHA-256 fingerprint {digits}",
        digits,
    )
    assert describe(documents[1], purpose, ENGLISH)[0] == ENGLISH.unshowable_name
    marked = DocumentFacts("a.pdf", bytes(range(32)), pages=3, mark=2)
    told = f"3 pages · SHA-256 file fingerprint {digits}"
    assert describe(marked, purpose, ENGLISH)[1] == told
    assert mark_of(marked, ENGLISH) == "Mark on page 2"
    assert not mark_of(documents[0], ENGLISH)


# Lines.


def wide(text: str) -> int:
    return sum(1 if character.isascii() else 2 for character in text)


@given(
    st.text(alphabet="abc DEF，。（）「」國字測試.", max_size=200),
    st.integers(min_value=8, max_value=60),
)
def test_wrapping_loses_nothing_but_spaces_and_keeps_to_the_width(text: str, width: int) -> None:
    lines = wrap(text, wide, width).split("\n")
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(wide(line) <= width for line in lines)


def test_no_line_begins_with_a_closing_mark_or_ends_with_an_opening_one() -> None:
    text = "這一次再錯，卡片就會鎖住，解鎖之前不能簽章（也不能登入）。「您的」憑證沒有遺失。"
    for width in range(12, 60):
        for line in wrap(text, wide, width).split("\n"):
            assert line[0] not in "，。）」"
            assert line[-1] not in "（「"


def test_brackets_of_other_scripts_stay_with_the_ideographs_in_them() -> None:
    text = "Kantor Catatan Sipil (戶政事務所), mana pun."
    for width in range(12, 40):
        for line in wrap(text, wide, width).split("\n"):
            assert line[0] not in "),."
            assert line[-1] != "("


def test_english_breaks_between_words() -> None:
    assert wrap("If you are not sure, cancel.", wide, 12) == "If you are\nnot sure,\ncancel."


def test_a_host_longer_than_a_line_is_broken_anywhere() -> None:
    assert wrap("a" * 25, wide, 10) == "a" * 10 + "\n" + "a" * 10 + "\n" + "a" * 5
    assert wrap("https " + "a" * 14, wide, 10) == "https aaaa\n" + "a" * 10


@given(
    st.text(alphabet="abc DEF，。（）「」國字測試.", max_size=200),
    st.integers(min_value=8, max_value=60),
    st.integers(min_value=1, max_value=3),
    st.booleans(),
)
def test_fitting_keeps_to_the_lines(text: str, width: int, lines: int, end_only: bool) -> None:
    shown = fit(text, wide, width, lines, end_only=end_only)
    assert shown.count("\n") < lines
    assert all(wide(line) <= width for line in shown.split("\n"))


def test_a_long_name_keeps_its_end() -> None:
    shown = fit("invoice" * 30 + ".pdf.exe", wide, 40, 1)
    assert shown.startswith("invoice")
    assert shown.endswith(".pdf.exe")
    assert "…" in shown
    assert 36 <= wide(shown) <= 40


@pytest.mark.parametrize("width", range(8, 60, 5))
@pytest.mark.parametrize("end_only", [True, False])
def test_no_code_point_of_a_rare_character_is_torn(width: int, end_only: bool) -> None:
    name = "".join(code_point(chr(0x3158E + number)) + "明" for number in range(20))
    shown = fit(name, wide, width, 2, end_only=end_only).replace("\n", "")
    assert re.fullmatch("(〔U\\+[0-9A-F]{5}〕|[明…])*", shown)
    assert shown.count("…") == 1


def test_of_a_host_without_end_the_end_is_shown() -> None:
    shown = fit("bank.example." + "a" * 200 + ".evil.example", wide, 30, 2, end_only=True)
    assert shown.startswith("…a")
    assert shown.endswith(".evil.example")
    assert len(shown.split("\n")) == 2


# Colours.


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, HIGH_CONTRAST], ids=["light", "high contrast"])
def test_every_text_stands_out_from_what_is_behind_it(palette: Palette) -> None:
    pairs = [
        (palette.ink, palette.paper),
        (palette.ink, palette.panel),
        (palette.muted, palette.paper),
        (palette.muted, palette.panel),
        (palette.danger, palette.paper),
        (palette.danger, palette.danger_panel),
        (palette.on_brand, palette.brand),
        (palette.on_danger, palette.danger),
        (palette.on_danger_panel, palette.danger_panel),
        (palette.on_warning_panel, palette.warning_panel),
    ]
    for front, back in pairs:
        assert contrast(front, back) >= 7, (front, back)
    assert contrast(palette.edge, palette.paper) >= 3
    assert contrast(palette.brand, palette.paper) >= 3


def test_high_contrast_is_used_where_the_system_is_set_to_it() -> None:
    assert system_palette({}) is LIGHT
    assert system_palette({"GTK_THEME": "Adwaita"}) is LIGHT
    assert system_palette({"GTK_THEME": "HighContrastInverse"}) is HIGH_CONTRAST


@pytest.mark.parametrize(
    ("site", "shown"),
    [
        ("https://portal.example", "portal.example"),
        ("https://login.bank.gov.tw.evil.example:8443", "evil.example"),
        ("https://www.xn--kpry57d.tw", "台灣.tw"),
        ("https://xn--80ak6aa92e.com", "xn--80ak6aa92e.com"),
        ("http://localhost:8080", "localhost"),
        (f"https://{'a' * 60}.example", "…" + "a" * 32 + ".example"),
    ],
)
def test_a_title_names_who_owns_the_site(site: str, shown: str) -> None:
    assert site_in_title(Origin.parse(site)) == shown


@pytest.mark.parametrize("language", list(Language))
def test_only_citizen_cards_are_unlocked_at_offices(language: Language) -> None:
    texts = load_texts(language)
    offices = {texts.how_to_unlock(each) for each in ("gen1", "gen2")}
    others = {texts.how_to_unlock(each) for each in ("piv", "pkcs11")}
    assert offices == {texts.locked_steps}
    ((first, last),) = others
    assert "PUK" in first
    assert last == texts.locked_steps[-1]
    for office in ("內政部", "戶政", "household"):
        assert office not in first + last
