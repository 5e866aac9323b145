"""Every page: what it says, and what can be pressed on it.

Each language is walked through once; what happens on the other ways is looked at in Chinese and
English, and with the environment variable ``ANKONG_TEST_LOOKS=all`` in every language.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from wizard.texts import WizardTexts, load_texts
from wizard.window import fill_in

from agent.words.language import Language
from tests.tray.prompt.desktop import PROGRAMS, SHOTS, x_server
from tray.prompt.texts import button_label

ROOT = Path(__file__).resolve().parents[3]
VERSION = "1.2.3"
NOTHING = {"service": False, "tool": False, "command": None}
ALL = os.environ.get("ANKONG_TEST_LOOKS") == "all"
LANGUAGES = tuple(Language) if ALL else (Language.CHINESE, Language.ENGLISH)
TO_LAST_PAGE = ("next", "licence_accept", "next", "install")
"""The names of what is pressed on the way to the last page."""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} needed: apt-get install xvfb xdotool imagemagick")
    with x_server() as name:
        yield name


class Walker:
    """Walks through the pages."""

    def __init__(self, display: str, home: Path, program: Path) -> None:
        self._display = display
        self._facts: dict[str, Any] = {
            "home": str(home),
            "program": str(program),
            "version": VERSION,
            "missing": NOTHING,
            "steps": [],
            "removes": False,
            "at_once": False,
        }

    def walk(
        self, language: Language, pressed: Sequence[str], pictures: str | None = None, **facts: Any
    ) -> list[dict[str, Any]]:
        """Press what is called so in the texts, or a key; no text of a page may be cut."""
        texts = load_texts(language)
        keys = [name if name.startswith("<") else access_key(texts, name) for name in pressed]
        wanted = {**self._facts, "language": language, "keys": keys, "pictures": pictures}
        words = json.dumps({**wanted, **facts})
        path = os.pathsep.join((str(ROOT), str(ROOT / "installer" / "linux")))
        env = {**os.environ, "DISPLAY": self._display, "PYTHONPATH": path}
        env |= {"HOME": self._facts["home"], "XDG_CONFIG_HOME": self._facts["home"] + "/.config"}
        command = [sys.executable, str(Path(__file__).with_name("walker.py")), words]
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, check=False, timeout=100
        )
        assert (done.returncode, done.stderr) == (0, "")
        pages = [json.loads(line) for line in done.stdout.splitlines()]
        assert [page["cut"] for page in pages if page.get("cut")] == []
        return pages


def access_key(texts: WizardTexts, name: str) -> str:
    label, at = button_label(getattr(texts, name))
    return f"<Alt-{label[at].lower()}>"


@pytest.fixture
def walker(display: str, home: Path, program: Path) -> Walker:
    licences = program / "_internal" / "licences"
    licences.mkdir()
    shutil.copyfile(ROOT / "LICENSE", licences / "ankong.txt")
    _draw(program / "_internal" / "icons" / "ankong-64.png")
    return Walker(display, home, program)


def _draw(path: Path) -> None:
    from frozen.icons import png

    path.write_bytes(png(64))


def said(page: dict[str, Any]) -> str:
    """Everything on a page, whatever lines it is broken into."""
    return "".join("".join(page["texts"]).split())


def holds(page: dict[str, Any], text: str, **facts: object) -> bool:
    label, _ = button_label(text)
    return "".join(fill_in(label, facts).split()) in said(page)


def title(page: dict[str, Any]) -> str:
    whole: str = page["title"]
    return whole.removesuffix(" – 安控 Ankong")


def label(text: str) -> str:
    return button_label(text)[0]


@pytest.mark.parametrize("language", Language)
def test_every_page_says_what_it_has_to(walker: Walker, language: Language, home: Path) -> None:
    texts = load_texts(language)
    keys = [*TO_LAST_PAGE, "finish"]
    pictures = os.environ.get(SHOTS)
    if pictures:
        Path(pictures).mkdir(parents=True, exist_ok=True)
    welcome, licence, accepted, added, finished, started = walker.walk(language, keys, pictures)
    assert title(welcome) == texts.welcome_title
    assert all(holds(welcome, text, version=VERSION) for text in texts.welcome_text)
    assert title(licence) == texts.licence_title
    assert "THESOFTWAREISPROVIDED" in said(licence)
    assert licence["buttons"][label(texts.next)] is False
    assert accepted["buttons"][label(texts.next)] is True
    assert title(added) == texts.added_title
    for name, text in texts.added:
        assert holds(added, name)
        assert holds(added, text, path="~/.local/share/ankong/app", size="3")
    assert title(finished) == texts.finish_title
    assert holds(finished, texts.start_now)
    assert holds(finished, texts.start_at_login)
    assert started == {"started": str(home / ".local/share/ankong/app/ankong")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_acceptance_there_is_no_next_page(walker: Walker, language: Language) -> None:
    *_, last = walker.walk(language, ["next", "next", "next"])
    assert title(last) == load_texts(language).licence_title


@pytest.mark.parametrize("language", LANGUAGES)
def test_back_leads_back_and_the_acceptance_is_remembered(
    walker: Walker, language: Language
) -> None:
    texts = load_texts(language)
    keys = ["next", "licence_accept", "next", "back", "back", "next"]
    pages = walker.walk(language, keys)
    titles = [title(page) for page in pages]
    there, back = texts.licence_title, texts.welcome_title
    assert titles == [back, there, there, texts.added_title, there, back, there]
    assert pages[-1]["buttons"][label(texts.next)] is True


@pytest.mark.parametrize("language", LANGUAGES)
def test_cancelling_is_asked_about_and_leaves_nothing(
    walker: Walker, language: Language, home: Path
) -> None:
    texts = load_texts(language)
    pages = walker.walk(language, ["next", "<Escape>", "go_on", "cancel", "stop"])
    assert [title(page) for page in pages] == [
        *(texts.welcome_title, texts.licence_title, texts.cancel_title),
        *(texts.licence_title, texts.cancel_title),
    ]
    assert holds(pages[2], texts.cancel_text)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_missing_is_told_with_the_command(walker: Walker, language: Language) -> None:
    texts = load_texts(language)
    missing = {"service": True, "tool": True, "command": "sudo apt install pcscd"}
    last = walker.walk(language, TO_LAST_PAGE, missing=missing)[-1]
    assert holds(last, texts.missing_service)
    assert holds(last, texts.missing_tool)
    assert holds(last, texts.missing_command)
    assert holds(last, "sudo apt install pcscd")


def test_where_no_command_is_known_the_packages_are_named(walker: Walker) -> None:
    missing = {"service": True, "tool": False, "command": None}
    last = walker.walk(Language.ENGLISH, TO_LAST_PAGE, missing=missing)[-1]
    assert holds(last, load_texts(Language.ENGLISH).missing_unknown)
    assert not holds(last, load_texts(Language.ENGLISH).missing_tool)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_setup_could_not_do_is_told(walker: Walker, language: Language) -> None:
    steps = [
        {"ok": True, "code": "a", "message": {each: f"fine {each}" for each in Language}},
        {"ok": False, "code": "b", "message": {each: f"broken {each}" for each in Language}},
    ]
    last = walker.walk(language, TO_LAST_PAGE, steps=steps)[-1]
    assert holds(last, load_texts(language).not_complete)
    assert holds(last, f"broken {language}")
    assert not holds(last, "fine")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_older_version_needs_a_tick(walker: Walker, language: Language, home: Path) -> None:
    texts = load_texts(language)
    walker.walk(language, TO_LAST_PAGE, version="2.0.0")
    first, still, ticked, following = walker.walk(language, ["next", "replace_older", "next"])
    assert holds(first, texts.welcome_older, installed="2.0.0", version=VERSION)
    assert first["buttons"][label(texts.next)] is False
    assert title(still) == title(ticked) == texts.welcome_title
    assert title(following) == texts.licence_title
    newer = walker.walk(language, [], version="2.0.1")[0]
    assert holds(newer, texts.welcome_update, installed="2.0.0", version="2.0.1")
    assert holds(newer, texts.update_text, version="2.0.1")
    assert label(texts.update) in newer["buttons"]
    same = walker.walk(language, [], version="2.0.0")[0]
    assert holds(same, texts.welcome_again, installed="2.0.0", version="2.0.0")
    assert (home / ".local/share/ankong/app/ankong").exists()


@pytest.mark.parametrize("language", LANGUAGES)
def test_trouble_says_what_happened_and_trying_again_mends_it(
    walker: Walker, language: Language, home: Path
) -> None:
    texts = load_texts(language)
    (home / ".local").write_text("a file where a folder has to be")
    trouble, again = walker.walk(language, [*TO_LAST_PAGE, "retry"])[-2:]
    assert title(trouble) == title(again) == texts.trouble_title
    assert holds(trouble, texts.trouble_text)
    assert str(home / ".local").replace(" ", "") in said(trouble)
    (home / ".local").unlink()
    assert title(walker.walk(language, TO_LAST_PAGE)[-1]) == texts.finish_title


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_installed_already_can_be_repaired(
    walker: Walker, language: Language, home: Path
) -> None:
    texts = load_texts(language)
    walker.walk(language, TO_LAST_PAGE)
    app = home / ".local/share/ankong/app"
    (app / "_internal" / "data").unlink()
    (home / ".local/bin/ankong").unlink()
    mended = {"ok": True, "code": "settings_aside", "message": dict.fromkeys(Language, "aside")}
    pictures = os.environ.get(SHOTS)
    folder = None
    if pictures:
        folder = str(Path(pictures) / "repair")
        Path(folder).mkdir(parents=True, exist_ok=True)
    keys = ["repair", "finish"]
    first, finished, started = walker.walk(language, keys, folder, steps=[mended])
    assert title(first) == texts.again_title
    assert holds(first, texts.welcome_again, installed=VERSION)
    assert holds(first, texts.repair_text)
    assert holds(first, texts.take_off_text)
    assert {label(texts.repair), label(texts.remove), label(texts.cancel)} == set(first["buttons"])
    assert title(finished) == texts.repaired_title
    assert holds(finished, texts.repaired_text)
    assert holds(finished, texts.broken["program"], count=1)
    assert holds(finished, texts.broken["commands"])
    assert not holds(finished, texts.broken["icons"])
    assert holds(finished, "aside")
    assert started == {"started": str(app / "ankong")}
    assert (app / "_internal" / "data").exists()
    [at_once] = walker.walk(language, [], at_once=True)
    assert title(at_once) == texts.repaired_title
    assert holds(at_once, texts.nothing_broken)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("version", [VERSION, "2.0.0", "0.0.1"])
def test_what_is_installed_already_can_be_removed(
    walker: Walker, language: Language, version: str
) -> None:
    walker.walk(language, TO_LAST_PAGE)
    *_, last = walker.walk(language, ["remove"], version=version)
    assert last == {"wants_removal": True}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_repair_that_fails_is_told(walker: Walker, language: Language, home: Path) -> None:
    texts = load_texts(language)
    walker.walk(language, TO_LAST_PAGE)
    shutil.rmtree(home / ".local/share/icons")
    (home / ".local/share/icons").write_text("a file where a folder has to be")
    trouble = walker.walk(language, ["repair"])[-1]
    assert title(trouble) == texts.not_repaired_title
    assert holds(trouble, texts.trouble_text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_removal_asks_does_and_tells(walker: Walker, language: Language, home: Path) -> None:
    texts = load_texts(language)
    walker.walk(language, TO_LAST_PAGE)
    [asked] = walker.walk(language, [], removes=True)
    assert title(asked) == texts.removal_title
    assert holds(asked, texts.keep)
    assert holds(asked, texts.removed_things[0][1])
    removed = walker.walk(language, ["remove"], removes=True)[-1]
    assert title(removed) == texts.removed_title
    assert holds(removed, texts.removed_text)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_undoing_fails_the_program_stays_to_try_again(
    walker: Walker, language: Language, home: Path
) -> None:
    walker.walk(language, TO_LAST_PAGE)
    steps = [
        {
            "ok": False,
            "code": "trust_left",
            "message": {each: f"a browser is open {each}" for each in Language},
        }
    ]
    left = walker.walk(language, ["remove"], removes=True, steps=steps)[-1]
    assert holds(left, load_texts(language).left_text)
    assert holds(left, f"a browser is open {language}")
    assert (home / ".local/share/ankong/app/ankong").exists()


PAGES = {
    "welcome": ("next", "cancel", "replace_older", "remove"),
    "update": ("update", "remove", "cancel"),
    "repair": ("repair", "remove", "cancel"),
    "licence": ("next", "back", "cancel", "licence_accept"),
    "added": ("install", "back", "cancel"),
    "cancelling": ("go_on", "stop"),
    "trouble": ("retry", "close"),
    "finished": ("finish", "start_now", "start_at_login", "copy"),
    "removal": ("remove", "cancel", "keep"),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("texts", [load_texts(each) for each in Language], ids=list(Language))
def test_no_two_things_on_a_page_have_the_same_access_key(texts: WizardTexts, page: str) -> None:
    words = [getattr(texts, name) for name in PAGES[page]]
    keys = [label[key].lower() for label, key in map(button_label, words)]
    assert len(set(keys)) == len(keys)
    assert all(key.isascii() and key.isalpha() for key in keys)
