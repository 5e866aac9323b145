"""The options of ``.run`` and ``ankong-uninstall``: read, explained, and refused in words."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from wizard import main, quiet
from wizard.command_line import UsageError, help_text, read_options
from wizard.context import WizardContext
from wizard.install_paths import InstallPaths
from wizard.texts import WizardTexts, load_texts

from agent.host.machine.paths import Paths
from agent.words import Language, section
from agent.words.language import CHOICES

SETUP: Mapping[str, str] = {"ANKONG_FILE": "/tmp/my downloads/ankong-1.2.3-x86_64.run"}  # noqa: S108  # only named
REMOVAL: Mapping[str, str] = {}
REMOVE = "--uninstall"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")


def test_without_options_a_wizard_asks() -> None:
    options = read_options([], SETUP)
    asked = (options.quiet, options.repair, options.uninstall, options.forget)
    assert not any(asked)
    assert options.starts
    assert options.autostart


def test_each_option_is_heard() -> None:
    words = ["--repair", "-q", "--downgrade", "--no-start", "--no-autostart", "--language", "vi"]
    options = read_options(words, SETUP)
    assert options.repair
    assert options.quiet
    assert options.downgrade
    assert not options.starts
    assert not options.autostart
    assert options.language is Language.VIETNAMESE
    assert read_options([], {**SETUP, "ANKONG_QUIET": "1"}).quiet
    parted = read_options(["--accept-licence", "--", "--no-start"], SETUP)
    assert parted.accepts_licence
    assert not parted.starts
    removal = read_options([REMOVE, "--quiet", "--forget"], REMOVAL)
    assert removal.uninstall
    assert removal.forget


@pytest.mark.parametrize(
    ("words", "environment", "named"),
    [
        (["--repairs"], SETUP, "--repairs"),
        (["--rep"], SETUP, "--rep"),
        (["install"], SETUP, "install"),
        (["-x"], SETUP, "-x"),
        ([REMOVE, "--no-start"], REMOVAL, "--no-start"),
        ([REMOVE, "--repair"], REMOVAL, "--repair"),
        ([REMOVE, "all"], REMOVAL, "all"),
        (["--language"], SETUP, "--language"),
        (["--language", "klingon"], SETUP, "--language"),
        (["--quiet=yes"], SETUP, "--quiet"),
        (["--repair", "--uninstall"], SETUP, "--repair"),
    ],
)
@pytest.mark.parametrize("language", ["en_US.UTF-8", "zh_TW.UTF-8"])
def test_what_is_not_understood_is_named_with_the_way_on(
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    words: list[str],
    environment: Mapping[str, str],
    named: str,
) -> None:
    monkeypatch.setenv("LC_ALL", language)
    with pytest.raises(UsageError) as caught:
        read_options(words, environment)
    first, second = str(caught.value).splitlines()
    assert named in first
    assert second.endswith("--help")
    assert ("選項" in second) == (language == "zh_TW.UTF-8")


@pytest.mark.parametrize("language", Language)
def test_help_says_all_options_in_each_language(language: Language) -> None:
    said = help_text(language, ["--help"], SETUP)
    texts = section(language, "wizard")["help"]
    assert texts["install"] in said
    for name in ("repair", "uninstall", "quiet", "forget", "downgrade", "no_start", "check"):
        assert f"--{name.replace('_', '-')}" in said
        assert texts["options"][name] in said
    assert "sh ankong-1.2.3-x86_64.run --repair" in said
    assert all(choice in said for choice in CHOICES)


@pytest.mark.parametrize("language", Language)
def test_the_uninstaller_speaks_of_uninstalling(language: Language) -> None:
    said = help_text(language, [REMOVE, "--help"], REMOVAL)
    texts = section(language, "wizard")["help"]
    assert texts["remove"] in said
    assert texts["options"]["forget_too"] in said
    assert "ankong-uninstall --quiet --forget" in said
    assert "--no-start" not in said
    assert ".run" not in said


def test_every_example_is_understood() -> None:
    for words, environment in (([], SETUP), ([REMOVE], REMOVAL)):
        said = help_text(Language.ENGLISH, words, environment)
        examples = said.split(section(Language.ENGLISH, "wizard")["help"]["examples_title"])[1]
        for line in filter(None, map(str.strip, examples.splitlines())):
            given = [word for word in line.split() if word.startswith("-")]
            assert read_options([*words, *given], environment)


def test_who_asks_for_help_gets_it_whatever_else_is_wrong() -> None:
    assert read_options(["--nonsense", "--help"], SETUP).help


def test_what_is_said_after_a_removal_was_read_before_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    context = WizardContext(tmp_path, "1.2.3", InstallPaths.of({}, tmp_path), Paths(tmp_path))
    context.paths.program.mkdir(parents=True)
    monkeypatch.setattr(WizardContext, "of_process", lambda: context)
    texts = load_texts(Language.ENGLISH)
    is_removed = False

    def remove(*_: object, **__: object) -> list[object]:
        nonlocal is_removed
        is_removed = True
        return []

    def load(language: Language) -> WizardTexts:
        assert not is_removed, "its files are gone"
        return load_texts(language)

    monkeypatch.setattr(quiet.operations, "uninstall", remove)
    monkeypatch.setattr(quiet, "load_texts", load)
    assert main.main([REMOVE, "--quiet"]) == 0
    assert capsys.readouterr().out.startswith(
        f"{texts.removing}\n{texts.removed_title}\n{texts.removed_text}\n"
    )
