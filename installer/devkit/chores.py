"""The chores that ``make`` and ``dev.py`` run."""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from devkit import (
    admin_pack,
    node,
    proven,
    release,
    smoke,
    system,
    trial,
    venv,
    whole_proof,
    workflows,
)
from devkit import channels as publishing
from devkit import installers as artefacts
from devkit import kits as packages
from devkit import reproduce as reproducing
from devkit.agreement import disagreements
from devkit.channel import hosted
from devkit.procurement import whole_pack
from devkit.shell import ROOT, SetupError, become, output, run, say

TAKES_MORE = ("demo", "test", "bench", "house", "mutants", "pictures", "fuzz", "test-installers")
PICTURES = ROOT / "build" / "pictures"
BUILT = "tests/installer/built"
INSTALLER = (
    *("installer/dev.py", "installer/devkit", "installer/frozen", "installer/linux/build"),
    *("installer/windows/build", "installer/macos/build", "installer/kits"),
    "installer/release",
)
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
PROOF_TABLE = ROOT / "installer" / "release" / "proof_table.py"
REPOSITORY_URL = "ANKONG_REPOSITORY_URL"
"""The variable with the address at which the repository for apt and dnf will be."""
RELEASE_PAGES = (
    ROOT / "installer" / "release" / "checklist.py",
    ROOT / "installer" / "release" / "support.py",
    ROOT / "installer" / "macos" / "readme.py",
    ROOT / "installer" / "release" / "fuzz_ledger.py",
    PROOF_TABLE,
)
UV = "uv==0.13.9"
LOCKS = {
    "dev.txt": ("pyproject.toml", "--extra", "pcsc", "--group", "dev"),
    "build.txt": ("--group", "build"),
    "fuzz.txt": ("--group", "fuzz"),
    # Beside the others in .venv: what both name has to be the same.
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
        "proof": whole_proof.prove,
        "proven": tell_proven,
        "docs": docs,
        "kits": kits,
        "admin": admin,
        "installers": installers,
        "reproduce": reproduce,
        "test-installers": test_installers,
        "smoke": try_out,
        "bill": bill,
        "channels": channels,
        "release": complete,
        "procurement": procurement,
        "lock": lock,
    }
    promises = options.chore in proven.promising_chores()
    begun = proven.committed() if promises else ""
    status = chores[options.chore](options, rest)
    # What was done for one system alone keeps no promise; what fails of it breaks one.
    if promises and (status != 0 or not getattr(options, "only", None)):
        proven.keep(options.chore, status, begun)
    return status


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
    """Return pytest's arguments for one process more than cores: browsers are waited for much."""
    return ["-n", str(min(4, os.cpu_count() or 1) + 1), "--dist", "loadgroup"]


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
    failed = [name for name, words in checks.items() if venv.run_tool(name, words) != 0]
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


def fuzz(options: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    """Run the fuzz tests with a hundred times the examples that the test run takes.

    With atheris, which coverage guides, each target runs for so many seconds.

    Raises:
        SetupError: atheris is wanted where it does not run, or could not be installed.

    """
    system.ensure(system.BUILD)
    venv.ensure()
    env = venv.environment()
    if options.engine == "atheris":
        _ensure_atheris()
        words = ["--seconds", str(options.seconds), *rest]
        words += ["--ledger", options.ledger] if options.ledger else []
        become([venv.PYTHON, "-m", "tests.fuzz", *words], env)
    env.setdefault("ANKONG_FUZZ_EXAMPLES", "20000")
    become([venv.PYTHON, "-m", "pytest", "tests/fuzz", "--timeout=1800", *_workers(), *rest], env)


def _ensure_atheris() -> None:
    """Install atheris, which no other chore needs, into the environment.

    Raises:
        SetupError: there is none for this machine, or pip failed.

    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise SetupError("atheris runs on Linux with x64 alone; leave ENGINE out")
    if output([venv.PYTHON, "-c", "import atheris"]) is None:
        say("installing atheris")
        venv.install_locked(venv.REQUIREMENTS / "fuzz.txt")


def tell_proven(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Run what proves the promises, and write installer/release/proven.json and its table.

    Of artefacts it takes what ``test-installers`` has kept of those in dist/installers, and of
    chores how they ended on this commit. The status is that of writing: a test that failed is
    a claim that is not proven, and stands in the table as one.

    Raises:
        SetupError: what lies here is no commit, or another one when the tests have ended.

    """
    begun = proven.commit()
    system.ensure(system.EVERYTHING)
    venv.ensure()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        venv.run_tool("proofs", proven.pytest_words(report, proven.ordinary_tests()))
        if proven.commit() != begun:
            raise SetupError("something was committed meanwhile: run it again")
        return run([venv.PYTHON, PROOF_TABLE, "collect", report], env=venv.environment())


def docs(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Make what is generated from code and READMEs: catalogues, handbook, the SDK's types."""
    system.ensure(system.BUILD)
    venv.ensure()
    statuses = [venv.run_tool(module, [module]) for module in GENERATORS]
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
    """Test what ``installers`` built, one file at a time, and print its table.

    The proofs of one system may run beside those of another: each knows its own last failures.
    """
    setup(options, rest)
    place, own = BUILT, []
    if options.only:
        place = f"{BUILT}/{options.only}"
        own = ["-o", f"cache_dir=.pytest_cache/{options.only}"]
    if options.only in {None, "windows"}:
        system.ensure((*system.WINE_BUILD, *system.WINE_DESKTOP))
    words = ["pytest", place, "-m", options.marks, *own, *rest]
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


def channels(options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Write what channels publish of what was built, and have other programs judge it."""
    if options.hosted:
        hosted.play(options.files)
        return 0
    system.ensure((*system.BUILD, *system.CHANNELS, *system.REPOSITORY))
    venv.ensure()
    return publishing.build(options.files)


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
    key, place = os.environ.get(RELEASE_KEY), os.environ.get(REPOSITORY_URL)
    if key:
        steps.append([tools / "manifest.py", "sums", files / artefacts.SUMS])
    else:
        say(f"{RELEASE_KEY} is empty: the sums are not signed")
    if key and place:
        system.ensure(system.REPOSITORY)
        make: list[str | Path] = [tools / "repository.py", "make", "--url", place]
        out = release.RELEASE / "repository"
        steps.append([*make, "--table", files / artefacts.TABLE, "--out", out])
    else:
        say(f"no repository for apt and dnf: it needs {RELEASE_KEY} and {REPOSITORY_URL}")
    statuses = [run([venv.PYTHON, *words], env=venv.environment()) for words in steps]
    return status or int(any(statuses))


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
