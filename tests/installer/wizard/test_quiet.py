"""The wizard without a window: what a screen reader says of it, where there is no display."""

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from wizard import installation, quiet
from wizard.command_line import read_options
from wizard.context import WizardContext
from wizard.damage import Damage
from wizard.install_paths import InstallPaths
from wizard.installation import ProgramInstaller
from wizard.texts import WizardTexts, load_texts
from wizard.window import fill_in

from agent import __version__
from agent.host.machine.paths import Paths
from agent.words import Language

ROOT = Path(__file__).resolve().parents[3]
SETUP: Mapping[str, str] = {"ANKONG_FILE": "/home/me/ankong-1.2.3-x86_64.run"}
ACCEPTED = ("--quiet", "--accept-licence", "--no-start")
PLAY = """
import sys
sys.path[:0] = [{root!r}, {wizard!r}]
sys.executable = {program!r}
from wizard.main import main
sys.exit(main(sys.argv[1:]))
"""
CERTIFICATE = {"step": "certificate", "ok": True, "code": "certificate_made"}
AUTOSTART = {"step": "autostart", "ok": True, "code": "autostart_on"}
UNTRUSTED = {"step": "trust", "ok": False, "code": "trust_failed"}
Play = Callable[..., subprocess.CompletedProcess[str]]


def message(step: Mapping[str, Any]) -> dict[str, str]:
    return {str(each): f"{step['code']} {each}" for each in Language}


def set_up_says(program: Path, *steps: Mapping[str, Any]) -> None:
    """Have the program answer so to ``ankong setup``."""
    told = {"steps": [{**step, "message": message(step), "facts": {}} for step in steps]}
    (program / "answer.json").write_text(json.dumps(told))
    (program / "ankong").write_text('#!/bin/sh\ncat "$(dirname "$(readlink -f "$0")")/answer.json"')


@pytest.fixture
def play(program: Path, home: Path) -> Play:
    """Run the wizard in a process of its own, with no display; give what it printed."""
    licences = program / "_internal" / "licences"
    licences.mkdir()
    shutil.copyfile(ROOT / "LICENSE", licences / "ankong.txt")
    set_up_says(program, CERTIFICATE, AUTOSTART)
    script = PLAY.format(
        root=str(ROOT),
        wizard=str(ROOT / "installer" / "linux"),
        program=str(program / "ankong"),
    )

    def run(*words: str, language: str = "en_US.UTF-8", **more: str) -> Any:
        env = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": language, **SETUP, **more}
        return subprocess.run(
            [sys.executable, "-c", script, *words],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )

    return run


LANGUAGES = {"en_US.UTF-8": Language.ENGLISH, "zh_TW.UTF-8": Language.CHINESE}
BOTH = pytest.mark.parametrize("spoken", LANGUAGES, indirect=True)


@pytest.fixture
def spoken(request: pytest.FixtureRequest) -> tuple[str, WizardTexts]:
    """Return a language of the system, Chinese unless the test is for both, and its texts."""
    locale = getattr(request, "param", "zh_TW.UTF-8")
    return locale, load_texts(LANGUAGES[locale])


@BOTH
def test_each_step_is_said_in_the_language_of_the_system(
    play: Play, spoken: tuple[str, WizardTexts], paths: InstallPaths
) -> None:
    language, texts = spoken
    done = play(*ACCEPTED, language=language)
    assert done.returncode == quiet.EXIT_OK
    facts = {"version": __version__, "path": str(paths.program)}
    tag = "zh-Hant" if "zh" in language else "en"
    assert done.stdout.splitlines() == [
        fill_in(texts.quiet_begins, facts),
        texts.copying,
        texts.making_certificate,
        fill_in(texts.quiet_done, facts),
        f"  · certificate_made {tag}",
        f"  · autostart_on {tag}",
        fill_in(texts.licence_others, {"path": str(paths.program / "_internal" / "licences")}),
    ]
    assert paths.executable.exists()


@BOTH
def test_the_licence_is_shown_and_has_to_be_accepted(
    play: Play, spoken: tuple[str, WizardTexts], home: Path
) -> None:
    """As the wizard has a tick for; what to type comes last, and is a whole command."""
    language, texts = spoken
    done = play("--quiet", "--no-start", language=language)
    assert done.returncode == quiet.EXIT_USAGE
    assert done.stdout.startswith(texts.licence_text)
    assert 'THE SOFTWARE IS PROVIDED "AS IS"' in done.stdout
    command = "sh ankong-1.2.3-x86_64.run --quiet --accept-licence --no-start"
    assert done.stderr.strip() == fill_in(texts.quiet_accept, {"command": command})
    assert list(home.iterdir()) == []
    assert play(*command.split()[2:], language=language).returncode == quiet.EXIT_OK


def test_the_other_spelling_is_understood() -> None:
    assert read_options(["-q", "--accept-license"], SETUP).accepts_licence


def test_repair_and_removal_ask_for_no_licence_again(
    play: Play, spoken: tuple[str, WizardTexts], paths: InstallPaths, home: Path
) -> None:
    language, texts = spoken
    assert play(*ACCEPTED, language=language).returncode == 0
    paths.command.unlink()
    done = play("--repair", "--quiet", "--no-start", language=language)
    assert done.returncode == 0
    assert done.stdout.startswith(f"{texts.checking}\n{texts.copying}\n")
    mended = f"{texts.mended}\n  · {texts.broken['commands']}\n"
    assert mended in done.stdout
    assert "· " not in done.stdout.partition(mended)[2]  # else it would seem to be mended too
    set_up_says(paths.program, CERTIFICATE)
    done = play("--uninstall", "--quiet", language=language)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [texts.removing, texts.removed_title, texts.removed_text]
    assert done.stdout.splitlines() == lines
    assert [path for path in home.rglob("*") if not path.is_dir()] == []


def test_what_is_left_to_do_is_said_in_words_and_by_the_status(
    play: Play, spoken: tuple[str, WizardTexts], program: Path
) -> None:
    language, texts = spoken
    set_up_says(program, CERTIFICATE, UNTRUSTED)
    done = play(*ACCEPTED, language=language)
    assert done.returncode == quiet.EXIT_LEFT
    tag = "zh-Hant" if "zh" in language else "en"
    assert f"{texts.not_complete}\n  · trust_failed {tag}\n" in done.stderr
    assert "trust_failed" not in done.stdout


def test_what_cannot_be_removed_is_named(
    play: Play, spoken: tuple[str, WizardTexts], program: Path, paths: InstallPaths
) -> None:
    language, texts = spoken
    assert play(*ACCEPTED, language=language).returncode == 0
    set_up_says(program, UNTRUSTED)
    done = play("--uninstall", "--quiet", language=language)
    assert done.returncode == quiet.EXIT_FAILED
    assert done.stderr.startswith(f"{texts.left_text}\n  · trust_failed")
    assert paths.executable.exists()


def test_what_went_wrong_is_said_in_words(
    play: Play, spoken: tuple[str, WizardTexts], home: Path
) -> None:
    language, texts = spoken
    (home / ".local").write_text("a file where a folder has to be")
    done = play(*ACCEPTED, language=language)
    assert done.returncode == quiet.EXIT_FAILED
    facts = {"path": str(home / ".local")}
    assert done.stderr.strip() == fill_in(texts.trouble["in_the_way"], facts)


def test_nothing_to_remove_is_said(play: Play, spoken: tuple[str, WizardTexts]) -> None:
    language, texts = spoken
    done = play("--uninstall", "--quiet", language=language)
    assert (done.returncode, done.stderr.strip()) == (quiet.EXIT_FAILED, texts.not_installed)


@BOTH
def test_without_a_display_the_wizard_names_the_way_and_so_does_its_help(
    play: Play, spoken: tuple[str, WizardTexts], home: Path
) -> None:
    language, texts = spoken
    done = play(language=language)
    assert (done.returncode, done.stderr.strip()) == (quiet.EXIT_FAILED, texts.no_display)
    assert "--quiet" in texts.no_display
    said = play("--help", language=language).stdout
    assert texts.help["readers"] in said
    assert texts.help["exits"] in said
    assert "--quiet --accept-licence" in said
    assert list(home.iterdir()) == []


def test_the_removal_s_help_names_it_too(play: Play, home: Path) -> None:
    done = play("--uninstall", "--help", ANKONG_FILE="")
    assert load_texts(Language.ENGLISH).help["readers"] in done.stdout
    assert list(home.iterdir()) == []


def test_a_terminal_that_knows_no_such_character_is_no_reason_to_fail(
    play: Play, paths: InstallPaths
) -> None:
    words = (*ACCEPTED, "--language", "zh-Hant")
    done = play(*words, PYTHONIOENCODING="ascii")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "\\u" in done.stdout
    assert paths.executable.exists()


def test_a_reader_that_has_gone_is_no_reason_to_stop_half_way(
    play: Play, paths: InstallPaths, home: Path
) -> None:
    """``sh ankong-*.run --quiet … | head -1``; and what it would have said is about nothing."""
    del play  # which has made the program whole
    script = PLAY.format(
        root=str(ROOT),
        wizard=str(ROOT / "installer" / "linux"),
        program=str(paths.data.parents[2] / "program" / "ankong"),
    )
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin", **SETUP}
    with subprocess.Popen(
        [sys.executable, "-c", script, *ACCEPTED], env=env, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait(60)
    assert paths.executable.exists()
    assert paths.command.is_symlink()


def test_ctrl_c_while_files_are_copied_leaves_everything_as_it_was(
    program: Path,
    paths: InstallPaths,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    context = WizardContext(program, "1.2.3", paths, Paths(home / "state"))
    copy = installation._copy_file

    def interrupted(source: Path, target: Path) -> Any:
        signal.raise_signal(signal.SIGINT)
        return copy(source, target)

    monkeypatch.setattr(installation, "_copy_file", interrupted)
    before = signal.getsignal(signal.SIGINT)
    options = read_options([*ACCEPTED, "--language", "en"], SETUP)
    assert quiet.install_quietly(context, options) == quiet.EXIT_INTERRUPTED
    assert capsys.readouterr().err.strip() == load_texts(Language.ENGLISH).cancelled
    assert signal.getsignal(signal.SIGINT) is before
    assert list(home.iterdir()) == []


def test_an_older_version_names_the_option_that_replaces_a_newer_one(
    program: Path, paths: InstallPaths, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ProgramInstaller(program, "9.0.0", paths).run(lambda _: None, threading.Event())
    context = WizardContext(program, "1.2.3", paths, Paths(home / "state"))
    options = read_options([*ACCEPTED, "--language", "en"], SETUP)
    assert quiet.install_quietly(context, options) == quiet.EXIT_FAILED
    said = capsys.readouterr().err
    assert "--downgrade" in said
    assert "9.0.0" in said
    assert context.damage() == Damage(0, ())


def test_what_is_missing_is_named_before_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = load_texts(Language.ENGLISH)
    missing = quiet.smart_card_service.MissingPackages(
        service=True, tool=False, command="sudo apt install pcscd"
    )
    monkeypatch.setattr(quiet.smart_card_service, "find_missing", lambda: missing)
    quiet._tell_missing(texts)
    lines = [texts.missing_service, texts.missing_command, "  sudo apt install pcscd"]
    assert capsys.readouterr().err.splitlines() == lines


def test_the_command_that_is_named_can_be_typed(
    program: Path,
    paths: InstallPaths,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the very terminal: a new account has ``~/.local/bin`` on its PATH after the next login."""
    started: list[Path] = []
    monkeypatch.setattr(quiet.installed_program, "start", started.append)
    monkeypatch.setattr(quiet.smart_card_service, "find_missing", lambda: None)
    set_up_says(program, CERTIFICATE)
    context = WizardContext(program, "1.2.3", paths, Paths(home / "state"))
    options = read_options(["-q", "--accept-licence", "--language", "en"], SETUP)
    told = []
    for path in ("/usr/bin:/bin", f"{paths.commands}:/usr/bin:/bin"):
        monkeypatch.setenv("PATH", path)
        assert quiet.install_quietly(context, options) == quiet.EXIT_OK
        told.append(capsys.readouterr().out.splitlines()[-1])
    assert started == [paths.executable] * 2
    assert "/.local/bin/ankong" in told[0]
    assert "; ankong doctor says" in told[1]
