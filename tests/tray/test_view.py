"""What the tray says: the status of the icon, the words, and the lines of the menu."""

import pytest

from agent.history.line import EntryKind
from agent.origin import LOCAL_PROGRAM, LOCAL_USER, SELF_TEST, Origin
from agent.signing.model import CardPresence, ReaderView, Snapshot
from agent.signing.recording import Signed
from agent.words.language import CHOICES, Language
from tray.icon.texts import TrayTexts, load_texts
from tray.icon.view import (
    MAX_NAME,
    MAX_READERS,
    IconStatus,
    MenuItem,
    TrayState,
    TrayView,
    make_view,
)
from tray.program import notification

CHINESE = load_texts(Language.CHINESE)
ENGLISH = load_texts(Language.ENGLISH)


def view(*readers: ReaderView, texts: TrayTexts = ENGLISH, **facts: object) -> TrayView:
    working = bool(facts.pop("working", False))
    service = bool(facts.pop("service", True))
    return make_view(TrayState(Snapshot(service, readers, working), **facts), texts)  # type: ignore[arg-type]  # by name


def reader(state: CardPresence, name: str = "Reader", **more: object) -> ReaderView:
    return ReaderView(name, state, **more)  # type: ignore[arg-type]  # by name


def line(shown: TrayView, key: str) -> MenuItem:
    return next(item for top in shown.menu for item in top.walk() if item.key == key)


CARD = reader(CardPresence.CARD, generation="gen2")
EMPTY = reader(CardPresence.EMPTY)


@pytest.mark.parametrize(
    ("shown", "status", "words"),
    [
        (make_view(TrayState(), ENGLISH), IconStatus.STARTING, "Starting"),
        (view(), IconStatus.RUNNING, "no reader"),
        (view(EMPTY), IconStatus.RUNNING, "no card"),
        (view(CARD), IconStatus.READY, "Card ready"),
        (view(EMPTY, CARD), IconStatus.READY, "Card ready"),
        (view(CARD, working=True), IconStatus.WORKING, "Using"),
        (view(service=False), IconStatus.ATTENTION, "service"),
        (view(reader(CardPresence.MUTE)), IconStatus.ATTENTION, "does not answer"),
        (view(reader(CardPresence.UNSUPPORTED)), IconStatus.ATTENTION, "not known"),
        (view(reader(CardPresence.CARD, attempts_left=0)), IconStatus.ATTENTION, "locked"),
        (view(reader(CardPresence.CARD, attempts_left=1)), IconStatus.ATTENTION, "One PIN try"),
        (view(reader(CardPresence.CARD, attempts_left=2)), IconStatus.READY, "Card ready"),
        (view(CARD, warnings=("plain_port",)), IconStatus.ATTENTION, "port"),
        (view(CARD, warnings=("policy",)), IconStatus.ATTENTION, "policy"),
        (view(CARD, left=True), IconStatus.RUNNING, "background"),
        (view(CARD, left=True, warnings=("policy",)), IconStatus.ATTENTION, "policy"),
    ],
)
def test_the_status_and_the_text_agree(shown: TrayView, status: IconStatus, words: str) -> None:
    assert shown.status is status
    assert words in shown.title
    assert words in shown.menu[0].label


def test_the_worst_is_said_first() -> None:
    locked = reader(CardPresence.CARD, attempts_left=0)
    assert "locked" in view(reader(CardPresence.MUTE), locked, warnings=("policy",)).title


def test_a_reader_says_what_is_in_it() -> None:
    shown = view(EMPTY, CARD, reader(CardPresence.CARD, generation="gen1", attempts_left=0))
    labels = [line(shown, f"panel:readers:{number}").label for number in range(3)]
    assert "no card" in labels[0]
    assert "gen 2" in labels[1]
    assert "gen 1" in labels[2]
    assert "locked" in labels[2]


def test_a_hundred_readers_do_not_fill_the_screen() -> None:
    shown = view(*(reader(CardPresence.EMPTY, f"Reader {number}") for number in range(100)))
    assert len([item for item in shown.menu if item.key.startswith("panel:readers")]) == MAX_READERS


@pytest.mark.parametrize("name", ["x" * 500, "a\nb\tc\0d", "\u202egnp.exe", "", "\ud800", "_&_&"])
def test_a_readers_name_is_harmless(name: str) -> None:
    label = view(reader(CardPresence.EMPTY, name)).menu[1].label
    assert label.isprintable()
    assert len(label) <= MAX_NAME + len(view(reader(CardPresence.EMPTY, "")).menu[1].label)


def test_every_line_has_a_key_of_its_own() -> None:
    shown = view(CARD, EMPTY, autostart=True)
    keys = [item.key for top in shown.menu for item in top.walk()]
    assert len(keys) == len(set(keys))
    for page in ("state", "sites", "history", "selftest", "doctor", "about"):
        assert f"panel:{page}" in keys
    assert keys[-1] == "quit"


@pytest.mark.parametrize("language", CHOICES)
def test_the_language_that_was_chosen_has_the_mark(language: str) -> None:
    shown = view(CARD, language=language)
    marked = [item.key for item in line(shown, "language").children if item.checked]
    assert marked == [f"language:{language}"]


def test_autostart_is_offered_where_it_can_be_had() -> None:
    assert line(view(autostart=True), "autostart").checked is True
    assert line(view(autostart=False), "autostart").checked is False
    assert not [item for item in view(autostart=None).menu if item.key == "autostart"]


def test_a_newer_version_is_a_line_of_the_menu_and_no_alarm() -> None:
    shown = view(reader(CardPresence.CARD), newest="9.2.0", texts=CHINESE)
    assert shown.status is IconStatus.READY
    assert line(shown, "panel:about:newer").label == "有新版本 9.2.0…"
    assert "panel:about:newer" not in {item.key for item in view().menu}


def test_a_version_that_is_too_old_calls_for_attention() -> None:
    shown = view(reader(CardPresence.CARD), newest="9.2.0", warnings=("too_old",))
    assert shown.status is IconStatus.ATTENTION
    assert "too old to sign" in shown.title


def test_every_state_of_a_card_has_words() -> None:
    assert set(CHINESE.cards) == set(CardPresence)
    assert view(CARD, texts=CHINESE).menu[0].label == "卡片已就緒"


def signed(**more: object) -> Signed:
    usual: dict[str, object] = {
        "kind": EntryKind.SIGN,
        "site": Origin.parse_any("https://shop.example"),
        "documents": ("同意書.pdf",),
        "holder": "王測試",
        "card_serial": "TS00000000000001",
    }
    return Signed(**{**usual, **more})  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (signed(), ["shop.example", "Named by the site: “同意書.pdf”"]),
        (signed(documents=("a.pdf", "b.pdf", None)), ["by the site: “a.pdf”, 3 in all"]),
        (signed(documents=(None,)), ["without a name"]),
        (signed(kind=EntryKind.DECRYPT, documents=()), ["shop.example"]),
        (signed(kind=EntryKind.AUTHENTICATE, documents=("login",)), ["shop.example"]),
        (signed(site=LOCAL_PROGRAM), ["Named by the program: “同意書.pdf”"]),
        (signed(site=LOCAL_USER), ["\n同意書.pdf"]),
        (signed(site=LOCAL_USER), ["program on this computer"]),
        (signed(site=SELF_TEST), ["Ankong's own self-test"]),
    ],
)
def test_the_notification_says_who_and_what(told: Signed, expected: list[str]) -> None:
    title, body = notification(told, ENGLISH)
    assert ("decrypted" in title) is (told.kind is EntryKind.DECRYPT)
    assert ("proven" in title) is (told.kind is EntryKind.AUTHENTICATE)
    for words in expected:
        assert words in body
    assert told.card_serial not in body
    assert "王測試" not in body


def test_a_documents_name_cannot_write_lines_of_its_own() -> None:
    _, body = notification(signed(documents=("a\nSite: bank.example\u202e",)), ENGLISH)
    assert body.count("\n") == 1
    assert "\u202e" not in body


def test_a_browser_that_has_to_be_restarted_is_named_until_it_was() -> None:
    shown = view(CARD, restart=("Chromium", "Google Chrome"), texts=CHINESE)
    assert shown.status is IconStatus.ATTENTION
    assert shown.menu[0].label == "請重新啟動 Chromium / Google Chrome"
    assert view(CARD).status is IconStatus.READY


@pytest.mark.parametrize("facts", [{"warnings": ("port",)}, {"working": True}])
def test_what_is_more_severe_stands_first_and_the_restart_below(facts: dict[str, object]) -> None:
    shown = view(CARD, restart=("Chromium",), **facts)
    assert "restart" not in shown.menu[0].label
    assert line(shown, "panel:state:restart").label == "Please restart Chromium"
