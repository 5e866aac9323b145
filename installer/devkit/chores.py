"""The chores that ``make`` and ``dev.py`` run."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from devkit import admin_pack, node, release, smoke, system, trial, venv, workflows
from devkit import installers as artefacts
from devkit import kits as packages
from devkit import reproduce as reproducing
from devkit.agreement import disagreements
from devkit.procurement import whole_pack
from devkit.shell import ROOT, SetupError, become, run, say

TAKES_MORE = ("demo", "test", "bench", "house", "mutants", "pictures", "fuzz", "test-installers")
PICTURES = ROOT / "build" / "pictures"
INSTALLER = (
    *("installer/dev.py", "installer/devkit", "installer/frozen", "installer/linux/build"),
    *("installer/windows/build", "installer/macos/build", "installer/kits"),
    "installer/release",
)
PROOFS = {
    "every fault at every command": ("tests.faults",),
    "many requests, hands, daemons, sites and programs": ("tests.soak",),
    "the whole member service on SQLite and on PostgreSQL": ("pytest", "tests/portal"),
    "every vector and README in every language": (
        *("pytest", "tests/kits", "tests/testkit", "tests/browser", "tests/documents", "-m", "kit"),
    ),
    "every page in every look": (
        *("pytest", "tests/browser/test_axe.py", "tests/browser/hipki/test_pages_access.py"),
        *(
            "tests/browser/panel/test_panel_access.py",
            "tests/browser/panel/test_preview.py",
            "tests/browser/panel/test_question_access.py",
        ),
    ),
    "what is signed stays fit for archives": (
        "pytest",
        "tests/documents/test_archives.py",
        "-m",
        "kit",
    ),
    "every page of the wizard in every language": (
        "pytest",
        "tests/installer/wizard/test_pages.py",
    ),
}
"""What ``proof`` runs: modules with arguments, which exit with another status than 0 on failure."""
GENERATORS = (
    "agent.web.native.openapi",
    "agent.web.native.error_catalogue",
    "agent.web.native.kit_words",
    "agent.validator.openapi",
    "agent.kits.error_catalogue",
    "installer.devkit.admin",
    "agent.host.events",
    "agent.host.inventory_report",
)
HANDBOOK = ROOT / "installer" / "kits" / "handbook.py"
RELEASE_KEY = "ANKONG_RELEASE_KEY"
"""The variable with the key of releases, PEM; installer/release/manifest.py reads it."""
RELEASE_PAGES = (
    ROOT / "installer" / "release" / "checklist.py",
    ROOT / "installer" / "release" / "support.py",
)
UV = "uv==0.13.9"
LOCKS = {
    "dev.txt": ("pyproject.toml", "--extra", "pcsc", "--group", "dev"),
    "build.txt": ("--group", "build"),
    # Beside what dev.txt names, in one environment.
    "lint.txt": ("--group", "lint", "--constraint", "installer/requirements/dev.txt"),
    "node.txt": ("--group", "node"),
    # What is shipped is what was tested.
    "installer.txt": (
        *("pyproject.toml", "--extra", "installer", "--extra", "pcsc"),
        *("--constraint", "installer/requirements/dev.txt"),
    ),
    "packages.txt": ("--group", "packages"),
    # The same for Windows alone: pip on Linux, which fetches these, would judge markers for Linux.
    "windows.txt": (
        *("pyproject.toml", "--extra", "installer", "--extra", "pcsc"),
        *("--constraint", "installer/requirements/installer.txt"),
        *("--python-platform", "x86_64-pc-windows-msvc", "--python-version", "3.11"),
    ),
}


def run_chore(options: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run a chore; return its exit status."""
    chores: dict[str, Callable[[argparse.Namespace, Sequence[str]], int]] = {
        "setup": setup,
        "demo": demo,
        "test": test,
        "lint": lint,
        "bench": bench,
        "house": house,
        "mutants": mutants,
        "pictures": pictures,
        "fuzz": fuzz,
        "proof": proof,
        "docs": docs,
        "kits": kits,
        "admin": admin,
        "installers": installers,
        "reproduce": reproduce,
        "test-installers": test_installers,
        "smoke": try_out,
        "bill": bill,
        "release": complete,
        "procurement": procurement,
        "lock": lock,
    }
    return chores[options.chore](options, rest)


def setup(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Say what will be installed, and install it: all that the chores need."""
    _announce()
    system.ensure(system.EVERYTHING)
    venv.ensure()
    workflows.ensure()
    node.ensure()
    return 0


def _announce() -> None:
    """Say what a chore installs before it begins, where it installs something."""
    packages = system.missing(system.EVERYTHING)
    plan = [f"system packages: {' '.join(packages)}"] if packages else []
    if not venv.is_ready():
        plan.append("the locked Python packages, into .venv of this checkout")
    if not node.is_ready():
        plan.append(f"the locked npm packages, into {node.SDK.relative_to(ROOT)}/node_modules")
    if plan:
        say("not here yet, and installed first:")
        for line in plan:
            print(f"    {line}", flush=True)


def demo(options: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    """Run the demo for a person, or check the whole flow without one.

    Raises:
        SetupError: the example site was wanted with another provider than its own.

    """
    if options.site and options.provider != "virtual":
        raise SetupError("SITE=1 plays with a virtual card in the agent itself: leave PROVIDER out")
    more = system.PCSC if options.provider == "pcsc" else ()
    system.ensure((*system.BUILD, *system.WINDOWS, *system.BROWSER, *more))
    venv.ensure()
    check = ["--check"] if options.check else []
    if options.site:
        become_tool("agent.portal.demo.site", *check, *rest)
    become_tool("agent.portal.demo.play", *check, "--provider", options.provider, *rest)


def test(options: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    """Run the SDK's checks and then pytest, whose closing line is the last of the output.

    Raises:
        SetupError: the checks of the SDK failed.

    """
    setup(options, rest)
    say("checking the types of the SDK, then testing it and the pages with Node.js")
    status = node.check_sdk()
    if status != 0:
        raise SetupError(
            "the checks of the SDK and the pages failed (see above); pytest was not started"
        )
    become_tool("pytest", "-p", "tests.recorder", *_workers(), *rest)


def _workers() -> list[str]:
    """Return pytest's arguments for one process for each core."""
    return ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadgroup"]


def lint(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Run every check, also after a failure, and print at the end which failed."""
    system.ensure((*system.BUILD, system.SHELLCHECK))
    venv.ensure()
    checks = {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "mypy": ["mypy"],
        "mypy installer": ["mypy", "--explicit-package-bases", *INSTALLER],
        "mypy wizard": ["mypy", "installer/linux/wizard"],
    }
    failed = [name for name, words in checks.items() if _tool(name, words) != 0]
    failed += workflows.faults()
    say("import-linter")
    if run([venv.SCRIPTS / "lint-imports", "--no-logo"], env=venv.environment(), quiet=True) != 0:
        failed.append("import-linter")
    say("versions, changelog and locks")
    wrong = disagreements(ROOT)
    for line in wrong:
        print(f"  {line}", flush=True)
    if wrong:
        failed.append("versions, changelog and locks")
    say(f"lint failed: {', '.join(failed)}" if failed else "lint ok")
    return 1 if failed else 0


def _tool(name: str, words: Sequence[str], more: Mapping[str, str] | None = None) -> int:
    say(name)
    # The builders are found as dev.py finds them.
    env = {**venv.environment(), "MYPYPATH": str(ROOT / "installer"), **(more or {})}
    return run([venv.PYTHON, "-m", *words], env=env)


def bench(_options: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    """Print one JSON table of measurements on standard output."""
    system.ensure((*system.BUILD, *system.DATABASE))
    venv.ensure()
    become([venv.PYTHON, ROOT / "tests" / "bench" / "run.py", *rest], venv.environment())


def house(_options: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    """Print figures about the code, and fail where one is worse than the committed one."""
    system.ensure(system.BUILD)
    venv.ensure()
    become([venv.PYTHON, "-m", "tests.house", *rest], venv.environment())


def mutants(_options: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    """Print how many mutants of the code the tests notice; fail where it was more before."""
    system.ensure(system.BUILD)
    venv.ensure()
    become([venv.PYTHON, "-m", "tests.mutants", *rest], venv.environment())


def pictures(_options: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    """Keep pictures of every window and of the Linux wizard's pages, in every language."""
    system.ensure(system.EVERYTHING)
    venv.ensure()
    env = venv.environment()
    env["ANKONG_SHOTS"] = str(PICTURES)
    say(f"pictures go to {PICTURES}")
    places = ("tests/tray/prompt/test_prompt_windows.py", "tests/installer/wizard/test_pages.py")
    become([venv.PYTHON, "-m", "pytest", *places, "-k", "cut or says_what_it_has", *rest], env)


def fuzz(_options: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    """Run the fuzz tests with a hundred times the examples that the test run takes."""
    system.ensure(system.BUILD)
    venv.ensure()
    env = venv.environment()
    env.setdefault("ANKONG_FUZZ_EXAMPLES", "20000")
    become([venv.PYTHON, "-m", "pytest", "tests/fuzz", "--timeout=1800", *_workers(), *rest], env)


def proof(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Play everything that the test run plays a sample of, and say at the end what failed."""
    needed = (*system.BUILD, *system.BROWSER, *system.PCSC, *system.DATABASE)
    system.ensure((*needed, *system.LANGUAGES, *system.ARCHIVES))
    venv.ensure()
    node.ensure()
    whole = {"ANKONG_TEST_DATABASES": "both", "ANKONG_TEST_LOOKS": "all"}
    failed = [name for name, words in PROOFS.items() if _tool(name, words, whole) != 0]
    say(f"proof failed: {', '.join(failed)}" if failed else "proof ok")
    return 1 if failed else 0


def docs(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Make what is generated from code and READMEs: catalogues, handbook, the SDK's types."""
    system.ensure(system.BUILD)
    venv.ensure()
    statuses = [_tool(module, [module]) for module in GENERATORS]
    pages = (HANDBOOK, *RELEASE_PAGES)
    statuses += [run([venv.PYTHON, page], env=venv.environment()) for page in pages]
    node.ensure()
    statuses.append(node.declare_types())
    return 1 if any(statuses) else 0


def kits(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Build the packages for sites and their testers."""
    system.ensure(system.BUILD)
    venv.ensure()
    node.ensure()
    return packages.build()


def admin(options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Write what administrators of many computers give out, and try it in real browsers."""
    system.ensure((*system.BUILD, *system.BROWSER))
    venv.ensure()
    return admin_pack.build(options.sites)


def installers(options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Build the installers of all systems, or of those that were named."""
    venv.ensure()
    if Path(sys.prefix).resolve() != venv.VENV.resolve():
        # The builders draw our icon and write our desktop files with the program's own code.
        chosen = [word for name in options.only or () for word in ("--only", name)]
        become(
            [venv.PYTHON, ROOT / "installer" / "dev.py", "installers", *chosen], venv.environment()
        )
    return artefacts.build(options.only or artefacts.SYSTEMS)


def reproduce(options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Build the installers twice, in unlike surroundings, and compare every byte."""
    return reproducing.reproduce(options.only or reproducing.SYSTEMS)


def test_installers(options: argparse.Namespace, rest: Sequence[str]) -> int:
    """Test what ``installers`` built, one file at a time, and print its table."""
    setup(options, rest)
    system.ensure((*system.WINE_BUILD, *system.WINE_DESKTOP))
    words = ["pytest", "tests/installer/built", "-m", options.marks, *rest]
    status = run([venv.PYTHON, "-m", *words], env=venv.environment())
    artefacts.show_table()
    return status


def try_out(options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Use a program that is installed, or install one first; nothing else is needed for it."""
    if options.program is not None:
        smoke.use(options.program)
        return 0
    return trial.play(options.install or trial.fitting())


def bill(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Put the bill of what was frozen here beside the installers; needs nothing installed."""
    return release.keep_bills()


def complete(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Put a release together from dist/parts; sign its sums where the environment has the key."""
    status = release.gather()
    system.ensure(system.BUILD)
    venv.ensure()
    tools = ROOT / "installer" / "release"
    files = release.RELEASE / "files"
    steps: list[list[str | Path]] = [
        [tools / "checklist.py", "notes", files / artefacts.TABLE, release.RELEASE / "NOTES.md"]
    ]
    if os.environ.get(RELEASE_KEY):
        steps.append([tools / "manifest.py", "sums", files / artefacts.SUMS])
    else:
        say(f"{RELEASE_KEY} is empty: the sums are not signed")
    return status or max(run([venv.PYTHON, *words], env=venv.environment()) for words in steps)


def procurement(options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Write what agencies ask for when they buy: only what this build's own files show."""
    system.ensure((*system.BUILD, *system.PROCUREMENT))
    venv.ensure()
    workflows.ensure()
    node.ensure()
    return whole_pack.build(options.since, options.report)


def lock(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Resolve pyproject.toml for every system and Python, and write versions with hashes.

    Raises:
        SetupError: uv could not be installed, or could not resolve a file.

    """
    with tempfile.TemporaryDirectory() as folder:
        uv = Path(folder, "tool")
        if run([sys.executable, "-m", "venv", uv]) != 0:
            raise SetupError("Python could not make a virtual environment (see above)")
        python = uv / venv.PYTHON.relative_to(venv.VENV)
        if run([python, "-m", "pip", "install", "--quiet", UV]) != 0:
            raise SetupError("pip could not install uv (see above); is the network up?")
        for name, sources in LOCKS.items():
            say(f"resolving installer/requirements/{name}")
            for_all = () if "--python-platform" in sources else ("--universal",)
            words = ["uv", "pip", "compile", *sources, *for_all, "--generate-hashes"]
            target = venv.REQUIREMENTS / name
            if run([python, "-m", *words, "--no-header", "--quiet", "-o", target]) != 0:
                raise SetupError(f"uv could not resolve {name} (see above)")
    return 0


def become_tool(module: str, *arguments: str) -> NoReturn:
    """Replace this process by a module of the virtual environment."""
    become([venv.PYTHON, "-m", module, *arguments], venv.environment())
