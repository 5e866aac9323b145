"""What hosted machines run: pinned, with few rights, and made of chores that there are."""

import json
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from devkit import installers, runners, trial, workflows

from agent import __version__
from tests.fuzz import target

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / ".github" / "workflows"
NAMES: Final = sorted(path.name for path in FOLDER.glob("*.yml"))
CALLED: Final = {"build.yml", "smoke.yml"}
"""Others call these; what runs beside what is theirs to say."""
TABLE: Final = tomllib.loads((ROOT / "installer/release/actions.toml").read_text("utf-8"))
USES: Final = re.compile(r"^ *(?:- )?uses: (\S+)(?: # (\S+))?$", re.MULTILINE)
PATHS: Final = re.compile(
    r"(?<![\w/$.-])((?:installer|agent|tests|\.ci|\.github)/[\w./-]*[\w-])(?![\w*])"
)
MADE: Final = ("dist", "build", "release", "draft", ".hypothesis")
"""Where chores and jobs write."""
CHORE: Final = re.compile(r"(?:^make|^python3? installer/dev\.py) ([a-z][a-z-]*)", re.MULTILINE)
RUNNERS: Final = {
    *("ubuntu-24.04", "ubuntu-24.04-arm", "windows-2025", "windows-11-arm"),
    *("macos-15", "macos-15-intel", "macos-26"),
}

WRITERS: Final = {
    ("release.yml", "attest"): {"attestations", "id-token"},
    ("release.yml", "draft"): {"contents"},
    ("codeql.yml", "analyse"): {"security-events"},
    ("fuzz.yml", "propose"): {"contents", "pull-requests"},
}
"""The jobs that may write, and what."""


def text_of(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")


def in_table(action: str) -> str:
    """Return the repository of an action, which may have several in its folders."""
    return "/".join(action.split("/")[:2])


def read(name: str) -> dict[Any, Any]:
    found = yaml.safe_load(text_of(name))
    assert isinstance(found, dict)
    return found


def jobs(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read(name)["jobs"]
    return found


def steps(name: str) -> Iterator[dict[str, Any]]:
    for job in jobs(name).values():
        yield from job.get("steps", ())


def lines(name: str) -> list[str]:
    return [step["run"] for step in steps(name) if "run" in step]


@pytest.fixture(scope="module")
def chores() -> set[str]:
    done = subprocess.run(
        [sys.executable, ROOT / "installer/dev.py", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"^    ([a-z][a-z-]*)(?= |$)", done.stdout, re.MULTILINE))


def test_the_workflows_that_there_should_be() -> None:
    wanted = {"gate.yml", "systems.yml", "reproduce.yml", "fuzz.yml", "release.yml", "codeql.yml"}
    assert set(NAMES) == wanted | CALLED


def test_what_was_to_be_signed_is_signed_or_nothing_goes_on() -> None:
    """A job that took too long, or that somebody stopped, is cancelled and has not failed."""
    conditions = [str(job["if"]) for name in NAMES for job in jobs(name).values() if "if" in job]
    assert any("needs.windows.result" in each for each in conditions)
    assert not [each for each in conditions if re.search(r"\.result\s*!=", each)]


@pytest.mark.parametrize("name", NAMES)
def test_every_action_is_pinned_to_what_the_table_names(name: str) -> None:
    for used, version in USES.findall(text_of(name)):
        if used.startswith("./"):
            assert (ROOT / used).is_file()
            continue
        action, _, commit = used.partition("@")
        assert re.fullmatch(r"(actions|github)/[a-z-]+(/[a-z-]+)?", action), used
        assert re.fullmatch(r"[0-9a-f]{40}", commit), used
        row = TABLE[in_table(action)]
        assert (version, commit) == (row["version"], row["commit"]), used
    written = sum("uses" in step for step in (*steps(name), *jobs(name).values()))
    assert len(USES.findall(text_of(name))) == written


def test_the_table_names_only_what_is_used() -> None:
    used = {use.partition("@")[0] for name in NAMES for use, _ in USES.findall(text_of(name))}
    assert set(TABLE) == {in_table(use) for use in used if not use.startswith("./")}


def test_what_was_not_asked_of_the_actions_repository_was_seen_with_three_others() -> None:
    for row in TABLE.values():
        others = {each.partition(":")[0] for each in row.get("seen", ())}
        assert "seen" not in row or len(others) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_nobody_has_a_right_that_is_not_named_for_the_job(name: str) -> None:
    assert read(name)["permissions"] == {}
    for label, job in jobs(name).items():
        rights = job["permissions"]
        writes = {right for right, how in rights.items() if how != "read"}
        assert writes == WRITERS.get((name, label), set()), label
        if writes:  # no code of the project where something can be written
            used = [step.get("uses", "").partition("@")[0] for step in job["steps"]]
            assert "actions/checkout" not in used or name == "codeql.yml"
            assert not CHORE.search("\n".join(step.get("run", "") for step in job["steps"]))


def test_what_reads_our_code_for_faults_starts_none_of_it() -> None:
    (job,) = jobs("codeql.yml").values()
    assert not [step for step in job["steps"] if "run" in step]
    ((init, settings),) = [
        (step["uses"], step["with"]) for step in job["steps"] if "/init@" in step.get("uses", "")
    ]
    assert settings["build-mode"] == "none"
    assert yaml.safe_load(settings["config"]) == {"paths-ignore": ["**/static/vendor/**"]}
    assert job["strategy"]["matrix"]["language"] == ["python", "javascript-typescript", "actions"]
    (analyze,) = [step for step in job["steps"] if "/analyze@" in step.get("uses", "")]
    assert analyze["uses"].partition("@")[2] == init.partition("@")[2]
    kept = job["steps"][-1]
    assert kept["if"] == "always()"
    assert kept["with"]["path"] == analyze["with"]["output"]


@pytest.mark.parametrize("name", NAMES)
def test_no_pull_request_of_a_stranger_runs_with_our_rights(name: str) -> None:
    assert not {"pull_request_target", "workflow_run"} & set(read(name)[True])  # YAML's "on"
    for step in steps(name):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}
        assert "cache" not in step.get("with", {})
    assert "actions/cache" not in text_of(name)


@pytest.mark.parametrize("name", NAMES)
def test_secrets_are_the_releases_alone_and_behind_an_environment(name: str) -> None:
    for label, job in jobs(name).items():
        knows = "secrets" in str(job)
        assert not knows or (name == "release.yml" and job["environment"] == "release"), label
        assert "secrets" not in {*job, *job.get("with", {})}  # nothing is inherited
        for step in job.get("steps", ()):
            whole = {**step, "env": {}}
            assert "secrets" not in str(whole)  # reaches a program by its environment alone


@pytest.mark.parametrize("name", NAMES)
def test_everything_ends_and_nothing_runs_twice(name: str) -> None:
    assert ("concurrency" in read(name)) == (name not in CALLED)
    for label, job in jobs(name).items():
        assert "uses" in job or 0 < job["timeout-minutes"] <= 240, label


@pytest.mark.parametrize("name", NAMES)
def test_the_machines_are_named_by_version(name: str) -> None:
    for job in jobs(name).values():
        if "uses" in job:
            continue
        matrix = job.get("strategy", {}).get("matrix", {})
        rows = matrix.get("include", [])
        several = [*matrix.get("runner", []), *(row["runner"] for row in rows if "runner" in row)]
        asked = several if "matrix" in job["runs-on"] else [job["runs-on"]]
        assert asked
        assert set(asked) <= RUNNERS
        images = [job["container"]["image"]] if "container" in job else []
        images += [row["image"] for row in rows if "image" in row]
        for image in images:
            assert image == "${{ matrix.image }}" or re.search(r":[0-9.]+\Z", image), image


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_others_write_gets_into_a_shell_line(name: str) -> None:
    for line in lines(name):
        assert "${{" not in line
    assert "github.event." not in text_of(name)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not on this machine")
@pytest.mark.parametrize("name", NAMES)
def test_every_shell_line_is_one(name: str) -> None:
    matrices = [job.get("strategy", {}).get("matrix", {}) for job in jobs(name).values()]
    rows = [row for matrix in matrices for row in matrix.get("include", [])]
    fetches = [row["fetch"] for row in rows if "fetch" in row]
    for line in (*lines(name), *fetches):
        done = subprocess.run(["bash", "-n", "-c", line], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_jobs_are_made_of_chores_and_files_that_there_are(name: str, chores: set[str]) -> None:
    for line in lines(name):
        assert not set(CHORE.findall(line)) - chores, line
        for path in PATHS.findall(line):
            assert (ROOT / path).is_file(), path
    for step in steps(name):
        for place in str(step.get("with", {}).get("path", "")).split():
            assert place.split("/")[0] in MADE, place


@pytest.mark.parametrize("name", NAMES)
def test_git_believes_the_checkout_of_every_container_that_has_git(name: str) -> None:
    """The folder belongs to the host's user there, and checkout's own word for it ends with it."""
    for label, job in jobs(name).items():
        runs = [step.get("run", step.get("uses", "")) for step in job.get("steps", ())]
        if "container" in job and any(re.search(r"install.* git ", each) for each in runs):
            (at,) = [n for n, each in enumerate(runs) if each.startswith("actions/checkout@")]
            assert runs[at + 1] == 'git config --global --add safe.directory "$PWD"', label


def test_every_target_is_fuzzed_by_a_job_of_its_own() -> None:
    assert tuple(jobs("fuzz.yml")["target"]["strategy"]["matrix"]["target"]) == target.NAMES


def test_nothing_is_proposed_but_what_the_count_made() -> None:
    """Whatever ran our code could have left an artefact of that name before the count failed."""
    found = jobs("fuzz.yml")
    assert "needs.count.result == 'success'" in found["propose"]["if"]
    (made,) = [
        step for step in found["count"]["steps"] if "/upload-artifact@" in step.get("uses", "")
    ]
    (taken,) = [step for step in found["propose"]["steps"] if "uses" in step]
    assert made["with"]["name"] == taken["with"]["name"]


def test_every_machine_that_builds_leaves_a_bill_of_what_it_froze() -> None:
    for label, job in jobs("build.yml").items():
        runs = [step["run"] for step in job["steps"] if "run" in step]
        assert runs[-1].endswith(" installer/dev.py bill"), label
        assert job["steps"][-1]["with"]["path"] == "dist/installers", label
        assert job["steps"][-1]["with"]["name"].startswith("installers-"), label


def test_what_is_started_by_its_name_may_be_started() -> None:
    done = subprocess.run(
        ["git", "ls-files", "--stage", "installer/macos/build.sh"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0 or done.stdout.startswith("100755 ")  # no checkout of Git


def test_what_windows_runs_is_the_same_in_every_shell() -> None:
    (smoke,) = [step for step in jobs("smoke.yml")["machine"]["steps"] if "run" in step]
    assert re.fullmatch(r"[\w ./-]+", smoke["run"])


def test_channels_are_tried_where_they_are_and_judged_before_they_are_released() -> None:
    channel = jobs("smoke.yml")["channel"]
    rows = channel["strategy"]["matrix"]["include"]
    assert {row["channel"]: row["runner"].split("-")[0] for row in rows} == {
        "winget": "windows",
        "Homebrew": "macos",
    }
    built = {
        step["with"]["name"].replace("${{ matrix.runner }}", row["runner"])
        for job in jobs("build.yml").values()
        for row in job.get("strategy", {}).get("matrix", {}).get("include", [{"runner": ""}])
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/upload-artifact@")
    }
    assert {row["built"] for row in rows} <= built
    assert channel["steps"][-1]["run"] == "python installer/dev.py channels --try"
    runs = [step.get("run", "") for step in jobs("release.yml")["gather"]["steps"]]
    assert runs.index("make release") < runs.index("make channels FILES=dist/release/files")


def test_what_is_called_gets_what_it_asks_for() -> None:
    for name in NAMES:
        for job in jobs(name).values():
            if "uses" in job:
                wanted = read(Path(job["uses"]).name)[True]["workflow_call"]["inputs"]
                given = job.get("with", {})
                assert set(given) <= set(wanted)
                assert {key for key, how in wanted.items() if how.get("required")} <= set(given)


def test_updates_are_proposed_for_all_that_is_locked() -> None:
    rows = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text("utf-8"))["updates"]
    assert {row["package-ecosystem"] for row in rows} == {"pip", "npm", "github-actions"}
    for row in rows:
        assert (ROOT / row["directory"].lstrip("/")).is_dir()
        assert row["schedule"] == {"interval": "weekly"}
        assert row["cooldown"] == {"default-days": 7}
        assert row["groups"]


# What hosted machines are asked, and what stays for a person.


def test_the_table_has_every_machine_of_the_smoke_test() -> None:
    asked = runners.plan()["machines"]
    machine, container = jobs("smoke.yml")["machine"], jobs("smoke.yml")["container"]
    images = [row["image"] for row in container["strategy"]["matrix"]["include"]]
    assert set(asked) == {*machine["strategy"]["matrix"]["runner"], *images}
    for name, endings in asked.items():
        system = {"windows": "win32", "macos": "darwin"}.get(name.split("-")[0], "linux")
        assert endings
        assert {trial.WAYS[ending].system for ending in endings} == {system}, name
    assert {ending for endings in asked.values() for ending in endings} == set(trial.WAYS)


def test_the_builders_readme_names_every_machine_with_what_it_is_asked() -> None:
    readme = (ROOT / "installer/README.md").read_text("utf-8")
    for ending in trial.WAYS:
        machines = ", ".join(f"`{name}`" for name in runners.asked_of(f"x{ending}"))
        assert f"| `{ending}` | {machines} |" in readme


def test_the_table_of_artefacts_says_that_it_is_asked_and_not_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"name": "a.rpm", "size": 1, "sha256": "0", "claims": [], "elsewhere": "readers"}
    (tmp_path / "artefacts.json").write_text(json.dumps([row]))
    monkeypatch.setattr(installers, "OUT", tmp_path)
    installers.show_table()
    told = capsys.readouterr().out
    wanted = "fedora:43, fedora:44, opensuse/leap:16.0"
    assert f"  asked of hosted machines, not proven here: {wanted}\n" in told
    assert "  proven here" not in told


@pytest.fixture(scope="module")
def checklist() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "installer/release/checklist.py"))


def test_the_committed_list_and_page_are_the_generated_ones(checklist: dict[str, Any]) -> None:
    assert checklist["TEMPLATE"].read_text("utf-8") == checklist["template"]()
    support = runpy.run_path(str(ROOT / "installer/release/support.py"))
    assert support["PAGE"].read_text("utf-8") == support["page"](support["facts"]())


def test_what_no_machine_shows_is_a_box_for_each_system(checklist: dict[str, Any]) -> None:
    rows = [
        {"system": "linux", "elsewhere": "readers; screens, sound"},
        {"system": "linux", "elsewhere": "screens; glibc 2.36 or newer"},
        {"system": "macos", "elsewhere": "everything. There, build.sh builds"},
    ]
    assert checklist["boxes"](rows) == {
        "linux": ["readers", "screens", "sound"],
        "macos": ["everything"],
    }


@pytest.mark.parametrize("signed", [True, False])
def test_the_notes_of_a_release_say_whether_it_is_signed_and_what_is_open(
    checklist: dict[str, Any], tmp_path: Path, *, signed: bool
) -> None:
    table, out = tmp_path / "artefacts.json", tmp_path / "NOTES.md"
    row = {"name": "a.exe", "system": "windows", "sha256": "b" * 64, "elsewhere": "SmartScreen"}
    table.write_text(json.dumps([row]))
    before = ("a" if signed else "b") * 64
    (tmp_path / "UNSIGNED-SHA256SUMS").write_text(f"{before}  a.exe\n")
    assert checklist["main"](["notes", str(table), str(out)]) == 0
    said = out.read_text("utf-8")
    assert ("No file is signed" in said) is not signed
    assert "## Windows\n\n- SmartScreen\n" in said
    assert "## macOS\n\n- " in said
    assert checklist["main"](["notes", str(table)]) == 2


def test_every_version_that_is_supported_is_one_of_ours() -> None:
    said = tomllib.loads((ROOT / "installer/release/support.toml").read_text("utf-8"))
    newest = ".".join(__version__.split(".")[:2])
    assert said["minor"][0]["version"] == newest
    numbers = [[int(part) for part in row["version"].split(".")] for row in said["minor"]]
    assert numbers == sorted(numbers, reverse=True)
    for row in said["minor"]:
        for day in (row["released"], row["security_until"]):
            assert re.fullmatch(r"(\d{4}-\d{2}-\d{2})?", day)
    assert said["text"]["zh"].keys() == said["text"]["en"].keys()


@pytest.mark.parametrize(
    ("wrong", "linter"),
    [
        ("      - run: echo ${{ github.event.issue.title }}\n", "zizmor"),
        ("      - uses: actions/setup-node@v4\n", "zizmor"),
        ("      - runs: true\n", "actionlint"),
    ],
    ids=["injected", "not pinned", "unknown"],
)
def test_the_linters_find_what_is_wrong(
    wrong: str, linter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not all((workflows.venv.SCRIPTS / name).exists() for name in ("actionlint", "zizmor")):
        pytest.skip("make setup installs the linters")
    monkeypatch.setattr(workflows, "ensure", lambda: None)
    monkeypatch.setattr(workflows, "ROOT", tmp_path)
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    head = "on: push\npermissions: {}\njobs:\n  one:\n    name: one\n    runs-on: ubuntu-24.04\n"
    path = folder / "one.yml"
    path.write_text(f"name: one\n{head}    steps:\n      - run: 'true'\n")
    assert workflows.faults() == []
    path.write_text(path.read_text() + wrong)
    assert linter in workflows.faults()
