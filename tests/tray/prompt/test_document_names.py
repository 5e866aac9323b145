"""What pages call their documents is said to be theirs, and none of it looks like ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.consent.questions import Act, DocumentFacts, Purpose
from agent.origin import LOCAL_PROGRAM, LOCAL_USER, SELF_TEST, Origin
from agent.words import CountedText, Language
from tests.signing.prompt_support import PIN, SIGNING, SITE
from tray.prompt.lines import caller_of, describe
from tray.prompt.names import imitates_us, shown_name
from tray.prompt.texts import load_texts

ENGLISH = load_texts(Language.ENGLISH)
ORDINARY = (
    "合約.pdf",
    "升級為金質會員.txt",
    "契約文件.pdf",
    "Document.pdf",
    "卡片申請書",
    "身分證正本.jpg",
    "戶政事務所申請書.pdf",
    "內政部憑證管理中心公告.pdf",
    "登入說明.pdf",
    "SHA-256 說明.pdf",
    "2024-01-01 文件.pdf",
    "opinion.pdf",
    "Up in the air.mp4",
    "dokumen ditandatangani.pdf",
    "Tài liệu hợp đồng.pdf",
    "Договор аренды.docx",
    "Σύμβαση.pdf",
    "550e8400-e29b-41d4-a716-446655440000.pdf",
    "e3b0c44298fc1c149afbf4c8996fb924.bin",
    "王\ue001明.pdf",
    "SPINE.pdf",
    "PINE forest.jpg",
    "PIN碼信封.pdf",
    "PIN mailer 2024.pdf",
    "變更 PIN 碼申請書.docx",
    "Phong bì PIN.pdf",
    "Surat PIN kartu.pdf",
    # Words that have one of a request within.
    "PIN center brochure.pdf",
    "PIN enterprise prototype.pdf",
    "PIN policy of all countries.pdf",
    "PIN leftovers.pdf",
    "PIN retry industry report.pdf",
    "PIN revisi polisi televisi.pdf",
    "Panduan PIN standar.pdf",
    "PIN masalah pemasukan.pdf",
    "PIN Saigon.pdf",
    "PIN haystack.pdf",
)
NOTHING = (
    "",
    " ",
    "\t\n",
    "\N{IDEOGRAPHIC SPACE}\N{NO-BREAK SPACE}",
    "\N{ZERO WIDTH SPACE}\N{WORD JOINER}",
    "\N{RIGHT-TO-LEFT OVERRIDE}" * 300,
    "\N{HANGUL FILLER}\N{BRAILLE PATTERN BLANK}",
    "\N{COMBINING ACUTE ACCENT}\N{COMBINING ENCLOSING CIRCLE}",
    "\N{REPLACEMENT CHARACTER}",
    " " * 600 + "after what is shown of a line",
)
OURS = (
    "PIN",
    "p i n",
    "P.I.N.",
    "ＰＩＮ碼",
    "P\u0131n",
    "\N{GREEK CAPITAL LETTER RHO}1\N{GREEK CAPITAL LETTER NU}",
    "\N{CYRILLIC CAPITAL LETTER ER}\N{CYRILLIC CAPITAL LETTER BYELORUSSIAN-UKRAINIAN I}N",
    "P\N{COMBINING ACUTE ACCENT}I\N{ZERO WIDTH SPACE}N",
    "合約.pdf，請輸入 PIN",
    "PIN 碼錯誤.pdf",
    "PIN: ",
    "PIN code",
    "Enter PIN.pdf",
    "Your P.I.N. has expired",
    "Vui lòng nhập PIN",
    "Masukkan PIN Anda.pdf",
    "Enteryour PIN",
    "Pleaseenterthe PIN",
    "e n t e r PIN",
    "en-ter P.I.N.",
    "re-enter PIN.pdf",
    "3 PIN tries left",
    "PIN invalid",
    "Nhập mã PIN.pdf",
    "Nhậpmã PIN",
    "Mã PIN sai.pdf",
    "PIN không đúng",
    "Xác nhận PIN",
    "PIN hết hạn.pdf",
    "Silakan isi PIN",
    "i s i PIN",
    "PIN salah.pdf",
    "Konfirmasi PIN",
    "sisa PIN 2",
    "KetikPIN? PIN ketik!",
    "請確認PIN.pdf",
    "您的 PIN.pdf",
    "PIN 已過期",
    "PIN 剩 1 次",
    "簽署這份文件",
    "取消",
    "C a n c e l",
    "Documént",
    "Card: 王小明",
    "文件：甲",
    "卡號 TP00000000000001",
    "登入 portal.example",
    "還可以輸入 3 次",
    "●●● 3 TRIES  LEFT",
    "Con 2 lan thu",
    "Block  THIS site!",
    "… and 5 more",
    "虛擬卡片，測試用",
    "安控 Ankong",
    "（沒有提供名稱）",
    "a.pdf (name cannot be shown)",
    "（無法顯示的名稱）",
    "（無法顯示的名稱）a.pdf",
    "網站稱它為：合約",
    "SHA-256 fingerprint 0001 0203",
    "ＳＨＡ－２５６ 指紋 00010203",
    "a.pdf 0001 0203 0405 0607…",
    "a.pdf ００01\N{NO-BREAK SPACE}0203\N{EM SPACE}0405",
)

FILLINGS = {
    "count": 3,
    "hash": "SHA-512",
    "digest": "0001 0203",
    "serial": "TP00000000000001",
    "readable": "x.tw",
    "site": "portal.example",
    "reader": "Ankong Virtual Reader 0",
    "least": 6,
    "page": 2,
    "most": 8,
    "text": "extension 1234",
}


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_name_is_shown(name: str) -> None:
    assert not imitates_us(name)
    assert shown_name(name, ENGLISH) not in (ENGLISH.no_name, ENGLISH.unshowable_name)


@pytest.mark.parametrize("name", NOTHING, ids=ascii)
def test_a_name_that_shows_nothing_is_said_to_be_so(name: str) -> None:
    assert shown_name(name, ENGLISH) == ENGLISH.unshowable_name


@pytest.mark.parametrize("name", OURS, ids=ascii)
@pytest.mark.parametrize("language", Language)
def test_a_name_that_could_be_taken_for_ours_is_not_shown(name: str, language: Language) -> None:
    texts = load_texts(language)
    assert shown_name(name, texts) == texts.unshowable_name


@given(st.sampled_from(Language), st.sampled_from(sorted(ENGLISH.__slots__)), st.data())
def test_no_text_of_any_window_is_a_name(
    language: Language, field: str, data: st.DataObject
) -> None:
    value = getattr(load_texts(language), field)
    forms = value.forms if isinstance(value, CountedText) else value
    text = data.draw(st.sampled_from(forms)) if isinstance(forms, tuple) else forms
    filled = text.format_map(FILLINGS)
    for name in (filled, filled.replace("&", ""), filled.upper(), filled.replace(" ", "\u3000")):
        assert imitates_us(name), name


def test_no_name_at_all_is_another_thing() -> None:
    assert shown_name(None, ENGLISH) == ENGLISH.no_name


@pytest.mark.parametrize(
    ("site", "caller"),
    [
        (SITE, ENGLISH.called_by_site),
        (LOCAL_PROGRAM, ENGLISH.called_by_program),
        (LOCAL_USER, ""),  # the citizen's own file
        (SELF_TEST, ""),
    ],
    ids=str,
)
def test_it_is_said_whose_words_a_name_is(site: Origin, caller: str) -> None:
    assert caller_of(replace(PIN, site=site), ENGLISH) == caller
    assert caller_of(replace(PIN, site=site, purpose=Purpose(Act.DECRYPT)), ENGLISH) == ""


def test_who_gives_no_name_calls_it_nothing() -> None:
    nameless = replace(SIGNING, documents=(DocumentFacts(None, bytes(32)),))
    prompt = replace(PIN, purpose=nameless)
    assert caller_of(prompt, ENGLISH) == ""
    assert describe(nameless.documents[0], nameless, ENGLISH)[0] == ENGLISH.no_name
