"""``proof``: play everything of which the test run plays a sample."""

import argparse
from collections.abc import Sequence

from devkit import installers as artefacts
from devkit import node, system, venv
from devkit import reproduce as reproducing
from devkit.shell import ROOT, SetupError, run, say

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
    "the demo with a card of either generation": ("pytest", "tests/browser/test_demo.py"),
    "browsers with an administrator's policies": ("pytest", "tests/browser/test_policy_pack.py"),
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
    "packages from signed repositories, by apt and by dnf": (
        *("pytest", "-m", "artefact", "tests/installer/built/linux/test_apt_repository.py"),
        "tests/installer/built/linux/test_foreign_rpm.py",
    ),
}
"""What ``proof`` runs: modules with arguments, which exit with another status than 0 on failure."""


def prove(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    """Play everything that the test run plays a sample of, and say at the end what failed."""
    needed = (*system.BUILD, *system.BROWSER, *system.PCSC, *system.DATABASE)
    packed = (*system.REPOSITORY, *system.REPOSITORY_JUDGES, *system.LINUX_INSTALLERS)
    system.ensure((*needed, *packed, *system.LANGUAGES, *system.ARCHIVES))
    venv.ensure()
    node.ensure()
    if not artefacts.artefact_hashes():
        _build_for_linux()
    whole = {"ANKONG_TEST_DATABASES": "both", "ANKONG_TEST_LOOKS": "all"}
    failed = [name for name, words in PROOFS.items() if venv.run_tool(name, words, whole) != 0]
    failed += _unlike_builds()
    say(f"proof failed: {', '.join(failed)}" if failed else "proof ok")
    return 1 if failed else 0


def _unlike_builds() -> list[str]:
    """Build everything twice; return what failed, which is none where every byte is the same."""
    name = "two builds give the same bytes"
    say(name)
    try:
        status = reproducing.reproduce(reproducing.SYSTEMS)
    except SetupError as error:  # what came before is told all the same
        say(str(error))
        status = 1
    return [name] if status else []


def _build_for_linux() -> None:
    """Build the packages that some proofs are about; these say it, should it fail."""
    dev = ROOT / "installer" / "dev.py"
    run([venv.PYTHON, dev, "installers", "--only", "linux"], env=venv.environment())
