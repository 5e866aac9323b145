"""The .run, as somebody without root meets it: every page on a screen, by keyboard alone."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from wizard.texts import WizardTexts, load_texts

from agent import __version__
from agent.words import Language
from tests.installer.built.linux.conftest import (
    PICTURES,
    SECONDS,
    environment,
    kill_agent,
    need,
    running_pid,
    tree,
    wait_for_status,
)

pytestmark = [pytest.mark.artefact, pytest.mark.timeout(300)]

CHINESE, ENGLISH = load_texts(Language.CHINESE), load_texts(Language.ENGLISH)
HELP = (
    "man/man1/ankong.1",
    "man/zh_TW/man1/ankong.1",
    "bash-completion/completions/ankong",
    "fish/vendor_completions.d/ankong.fish",
)
ACCEPTED = ("--quiet", "--accept-licence")
LANGUAGES = {"zh_TW.UTF-8": CHINESE, "en_US.UTF-8": ENGLISH}


class Screen:
    """A display with a keyboard, and the wizard on it."""

    def __init__(self, display: str, home: Path, language: str) -> None:
        self.environment = environment(home, DISPLAY=display, LANG=language)
        self.language = language

    def do(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return done.stdout.strip()

    def see(self, title: str, picture: str = "") -> None:
        """Wait for the page with ``title``; keep a picture of it."""
        wanted = f"{title} – 安控 Ankong"
        end = time.monotonic() + SECONDS
        shown = ""
        while time.monotonic() < end:
            window = self.do("search", "--onlyvisible", "--class", "Ankong").split("\n")[-1]
            shown = self.do("getwindowname", window) if window else ""
            if shown == wanted:
                self.do("windowfocus", window)
                break
            time.sleep(0.1)
        assert shown == wanted
        if picture:
            self._keep(f"linux-wizard-{self.language[:2]}-{picture}")

    def _keep(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        time.sleep(0.3)  # for the last dot to be drawn
        command = ["import", "-silent", "-window", "root", str(PICTURES / f"{name}.png")]
        subprocess.run(command, env=self.environment, check=True, timeout=30)

    def press(self, *keys: str) -> None:
        self.do("key", "--delay", "60", *keys)


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kill a wizard with the program that its script runs, whose window would stay."""
    os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def wizard(screen: Screen, *command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command, env=screen.environment, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                kill_all(process)


@pytest.fixture(params=LANGUAGES)
def screen(request: pytest.FixtureRequest, display: str, home: Path) -> Iterator[Screen]:
    need("xdotool", "import")
    yield Screen(display, home, request.param)
    kill_agent(home)


@pytest.fixture
def texts(screen: Screen) -> WizardTexts:
    return LANGUAGES[screen.language]


def test_from_the_first_page_to_a_home_as_it_was(
    screen: Screen, texts: WizardTexts, run_file: Path, home: Path
) -> None:
    before = tree(home)
    settings = home / ".local/state/ankong/config.toml"
    content = settings.read_bytes()

    install(screen, texts, run_file)
    assert wait_for_status(home) == {
        "product": "ankong",
        "version": __version__,
        "api": "v1",
        "allowed": False,
        "max_data": 4 * 1024 * 1024,
    }
    first = running_pid(home)
    program = home / ".local/share/ankong/app/ankong"
    for place in HELP:
        assert (home / ".local/share" / place).stat().st_size > 1000
    assert Path(f"/proc/{first}/exe").readlink() == program
    assert f'Exec="{program}"' in (home / ".config/autostart/ankong.desktop").read_text()

    repair_while_it_runs(screen, texts, run_file, home)
    wait_for_status(home)
    assert running_pid(home) not in (None, first)
    assert not (home / ".config/autostart/ankong.desktop").exists()

    remove(screen, texts, home)
    assert running_pid(home) is None
    settings.parent.mkdir(parents=True, exist_ok=True)  # what the test itself had put there
    settings.write_bytes(content)
    assert tree(home) == before


def install(screen: Screen, texts: WizardTexts, run_file: Path) -> None:
    """Go through all pages; the licence stops who does not accept it."""
    with wizard(screen, "sh", run_file) as process:
        screen.see(texts.welcome_title, "1-welcome")
        screen.press("alt+n")
        screen.see(texts.licence_title, "2-licence")
        screen.press("alt+n", "alt+n")
        screen.see(texts.licence_title)
        screen.press("space", "alt+n")  # the tick has the keyboard
        screen.see(texts.added_title, "3-added")
        screen.press("alt+b")
        screen.see(texts.licence_title)
        screen.press("alt+n")
        screen.see(texts.added_title)
        screen.press("Return")  # so has the button
        screen.see(texts.finish_title, "5-finished")
        screen.press("Return")
        assert process.wait(SECONDS) == 0


def repair_while_it_runs(screen: Screen, texts: WizardTexts, run_file: Path, home: Path) -> None:
    """Repair the running copy, and do not start at login any more."""
    (home / ".local/share/applications/ankong.desktop").unlink()
    with wizard(screen, "sh", run_file) as process:
        screen.see(texts.again_title, "6-again")
        screen.press("Return")
        screen.see(texts.repaired_title, "7-repaired")
        assert (home / ".local/share/applications/ankong.desktop").exists()
        assert running_pid(home) is None
        screen.press("alt+l", "alt+f")
        assert process.wait(SECONDS) == 0


def remove(screen: Screen, texts: WizardTexts, home: Path) -> None:
    """Remove all of it, history and sites too."""
    with wizard(screen, home / ".local/bin/ankong-uninstall") as process:
        screen.see(texts.removal_title, "8-removal")
        screen.press("alt+k", "alt+r")
        screen.see(texts.removed_title, "9-removed")
        screen.press("Return")
        assert process.wait(SECONDS) == 0


def test_a_second_wizard_gives_way_to_the_first(
    screen: Screen, texts: WizardTexts, run_file: Path, home: Path
) -> None:
    before = tree(home)
    with wizard(screen, "sh", run_file) as first:
        screen.see(texts.welcome_title)
        with wizard(screen, "sh", run_file) as second:
            screen.see(texts.open_already_title, "10-open-already")
            screen.press("Return")
            assert second.wait(SECONDS) == 1
        done = quietly(home, "sh", run_file, *ACCEPTED, LANG=screen.language)
        assert done.returncode == 1
        assert texts.open_already in done.stderr
        screen.see(texts.welcome_title)
        kill_all(first)
        first.wait(SECONDS)
    assert tree(home) == before
    # The first one is dead, and holds nobody up.
    with wizard(screen, "sh", run_file) as third:
        screen.see(texts.welcome_title)
        assert third.poll() is None


def test_cancelling_changes_nothing(
    screen: Screen, texts: WizardTexts, run_file: Path, home: Path
) -> None:
    before = tree(home)
    with wizard(screen, "sh", run_file) as process:
        screen.see(texts.welcome_title)
        screen.press("alt+n")
        screen.see(texts.licence_title)
        screen.press("Escape")
        screen.see(texts.cancel_title, "4-cancel")
        screen.press("Return")  # going on is what the keyboard is at
        screen.see(texts.licence_title)
        screen.press("Escape")
        screen.see(texts.cancel_title)
        screen.press("alt+q" if texts is CHINESE else "alt+c")
        assert process.wait(SECONDS) == 0
    assert tree(home) == before


def quietly(home: Path, *command: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment(home, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def quiet_home(home: Path) -> Iterator[Path]:
    yield home
    kill_agent(home)


def test_quietly_over_what_was_interrupted_and_away_again(quiet_home: Path, run_file: Path) -> None:
    home = quiet_home
    share = home / ".local/share"
    share.mkdir()
    before = tree(home)
    (share / "ankong/.app.new/rubble").mkdir(parents=True)
    done = quietly(home, "sh", run_file, *ACCEPTED, "--", "--no-start", "--no-autostart")
    assert done.returncode == 0, done.stderr
    app = share / "ankong/app"
    assert not (share / "ankong/.app.new").exists()
    assert not (home / ".config/autostart/ankong.desktop").exists()

    # Interrupted between two renames: the program is gone, and comes back.
    app.rename(share / "ankong/.app.old")
    done = quietly(home, "sh", run_file, *ACCEPTED, "--", "--no-start")
    assert done.returncode == 0, done.stderr
    said = quietly(home, home / ".local/bin/ankong", "--version")
    assert said.stdout == f"ankong {__version__}\n"

    done = quietly(home, home / ".local/bin/ankong-uninstall", "--quiet")
    assert done.returncode == 0, done.stderr
    # The test's own settings went along with the agent's files. The folder of the first copy was
    # there before; the wizard does not know who made it.
    gone = {".local/state/ankong", ".local/state/ankong/config.toml"}
    kept = {name for name in before if name not in gone}
    assert set(tree(home)) - gone == kept | {".local/share/ankong"}


def test_an_older_one_asks_first_and_a_word_is_enough(quiet_home: Path, run_file: Path) -> None:
    home = quiet_home
    install = ("sh", run_file, *ACCEPTED, "--", "--no-start")
    assert quietly(home, *install).returncode == 0
    record = home / ".local/share/ankong/app/installed.json"
    content = json.loads(record.read_text())
    record.write_text(json.dumps({**content, "version": "99.0.0"}))
    refused = quietly(home, *install)
    assert refused.returncode == 1
    assert "99.0.0" in refused.stderr
    assert json.loads(record.read_text())["version"] == "99.0.0"
    assert quietly(home, *install, "--downgrade").returncode == 0
    assert json.loads(record.read_text())["version"] == __version__


def test_a_full_disk_is_told_and_leaves_nothing(
    quiet_home: Path, run_file: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk takes root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        done = quietly(quiet_home, "sh", run_file, *ACCEPTED, XDG_DATA_HOME=str(disk / "data"))
        assert done.returncode == 1
        assert str(disk) in done.stderr
        assert tree(disk) == {}
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_place_that_cannot_be_written_is_told(quiet_home: Path, run_file: Path) -> None:
    done = quietly(quiet_home, "sh", run_file, *ACCEPTED, XDG_DATA_HOME="/proc/sys")
    assert done.returncode == 1
    assert "/proc/sys" in done.stderr


def test_without_a_display_it_says_what_to_do(home: Path, run_file: Path) -> None:
    before = tree(home)
    done = quietly(home, "sh", run_file)
    assert done.returncode == 1
    assert "--quiet" in done.stderr
    assert tree(home) == before


def test_who_hears_the_screen_is_told_each_step_and_shown_the_licence(
    quiet_home: Path, run_file: Path
) -> None:
    """Without a display, from the first question to the running agent and away again."""
    home = quiet_home
    first = quietly(home, "sh", run_file, "--quiet", LANG="zh_TW.UTF-8")
    assert first.returncode == 2
    assert CHINESE.licence_text in first.stdout
    assert f"sh {run_file.name} --quiet --accept-licence" in first.stderr
    done = quietly(home, "sh", run_file, *ACCEPTED, LANG="zh_TW.UTF-8")
    assert (done.returncode, done.stderr) == (0, "")
    for text in (CHINESE.copying, CHINESE.making_certificate):
        assert f"{text}\n" in done.stdout
    assert f"{home}/.local/bin/ankong" in done.stdout
    wait_for_status(home)
    done = quietly(home, home / ".local/bin/ankong-uninstall", "--quiet", LANG="zh_TW.UTF-8")
    assert done.returncode == 0
    assert CHINESE.removed_title in done.stdout
    assert running_pid(home) is None


def test_a_download_can_be_checked_before_it_is_started(run_file: Path) -> None:
    said = quietly(Path("/"), "sh", run_file, "--check")
    assert said.returncode == 0, said.stderr


def test_repair_mends_what_is_broken_and_keeps_what_is_the_citizens(
    quiet_home: Path, run_file: Path
) -> None:
    home = quiet_home
    state, app = home / ".local/state/ankong", home / ".local/share/ankong/app"
    assert quietly(home, "sh", run_file, *ACCEPTED, "--no-start").returncode == 0
    decision = ("sites", "allow-blind", "https://portal.example")
    assert quietly(home, home / ".local/bin/ankong", *decision).returncode == 0
    whole, sites = tree(home), (state / "sites.sqlite").read_bytes()
    assert (home / ".config/autostart/ankong.desktop").exists()
    (app / "ankong").unlink()
    (app / "_internal/base_library.zip").write_bytes(b"rubbish")
    (app / "installed.json").write_text("rubbish")
    (home / ".local/bin/ankong").unlink()
    (home / ".local/share/applications/ankong.desktop").unlink()
    shutil.rmtree(home / ".local/share/icons")
    shutil.rmtree(home / ".local/share/man")
    (home / ".config/autostart/ankong.desktop").unlink()
    (state / "config.toml").write_text("port = 'nonsense'\n")
    (state / "tls/leaf-0.pem").write_bytes(b"rubbish")

    done = quietly(home, "sh", run_file, "--repair", "--quiet", "--no-start")
    assert done.returncode == 0, done.stderr
    for part in ("program", "record", "commands", "menu", "icons", "help", "login"):
        assert ENGLISH.broken[part].format(count=2) in done.stdout
    [aside] = state.glob("config.toml.broken-*")
    assert aside.name in done.stdout
    assert (state / "sites.sqlite").read_bytes() == sites
    mended = tree(home)
    assert set(whole) - set(mended) == {".local/state/ankong/config.toml"}
    changed = {name for name in whole if mended.get(name) != whole[name]}
    # The agent's own files, a list of which the folders were lost, and browsers' databases.
    renewed = re.compile(r"\.local/state/|\.local/share/ankong/app/installed\.json$|.*/nssdb/")
    assert {name for name in changed if not renewed.match(name)} == set()

    said = quietly(home, "sh", run_file, "--repair", "--quiet", "--no-start")
    assert ENGLISH.nothing_broken in said.stdout
    assert quietly(home, "sh", run_file, "--uninstall", "--quiet", "--forget").returncode == 0
    assert not app.exists()


@pytest.mark.parametrize("language", ["zh_TW.UTF-8", "en_US.UTF-8"])
def test_help_is_ours_and_a_wrong_word_is_told(
    quiet_home: Path, run_file: Path, language: str
) -> None:
    home, texts = quiet_home, LANGUAGES[language].help
    before = tree(home)
    said = quietly(home, "sh", run_file, "--help", LANG=language)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith(texts["usage"])
    assert f"sh {run_file.name} --repair" in said.stdout
    assert "akeself" not in said.stdout
    wrong = quietly(home, "sh", run_file, "--repairs", LANG=language)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.splitlines()[0] == texts["unknown"].format(option="--repairs")
    assert tree(home) == before
    assert quietly(home, "sh", run_file, *ACCEPTED, "--no-start").returncode == 0
    removal = home / ".local/bin/ankong-uninstall"
    said = quietly(home, removal, "--help", LANG=language)
    assert said.returncode == 0
    assert texts["remove"] in said.stdout
    assert quietly(home, removal, "--nonsense", LANG=language).returncode == 2
    assert removal.exists()
