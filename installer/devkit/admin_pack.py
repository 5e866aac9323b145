"""What an administrator of many computers gives out: ``make admin`` writes it into ``dist/admin``.

The browsers' policies for one list of sites, and the generated policy files of every system, with
their sums. What this machine has proven of them is told by the tests that play the policies in real
browsers: they are run, and a claim is printed as proven only where each of its tests has passed.
"""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from devkit import venv
from devkit.proofs import sha256_of
from devkit.shell import ROOT, SetupError, run, say

OUT = ROOT / "dist" / "admin"
SITES = "https://portal.example\n"
"""The reference portal's, as its README calls it; an administrator names others with SITES=FILE."""
SUMS = "SHA256SUMS"
TABLE = "PROVEN.txt"
SYSTEMS = ("windows", "macos", "linux")
TESTS = "tests/browser/test_policy_pack.py"
PASSED = "passed"


@dataclass(frozen=True)
class PolicyFile:
    """What is claimed of a file of the pack.

    Attributes:
        name: of the file, below ``browsers``.
        claim: that tests in real browsers prove of what the same writer makes; empty for none.
        tests: their names in :data:`TESTS`.
        elsewhere: what only a real machine can prove.

    """

    name: str
    claim: str
    tests: Sequence[str]
    elsewhere: str


IN_CHROMIUM = (
    "in Chromium: the sites reach this computer and open windows, no other site does",
    (
        "test_chromium_lets_no_page_in_without_a_policy",
        "test_chromium_lets_the_sites_of_the_pack_in_and_no_other",
        "test_the_older_policy_alone_lets_them_in_too",
    ),
)
IN_FIREFOX = (
    "in Firefox: the sites reach this computer and open windows, others are asked about",
    (
        "test_firefox_asks_about_every_page_without_a_policy",
        "test_firefox_lets_the_sites_of_the_pack_in_and_asks_about_others",
    ),
)
PACK = (
    PolicyFile("chrome-linux.json", *IN_CHROMIUM, "Google Chrome itself"),
    PolicyFile("edge-linux.json", *IN_CHROMIUM, "Microsoft Edge"),
    PolicyFile("firefox/policies.json", *IN_FIREFOX, "Firefox on Windows and macOS"),
    PolicyFile(
        "chrome.reg",
        "",
        (),
        "Chrome on a managed Windows (make test-installers imports it in Wine)",
    ),
    PolicyFile("chrome-undo.reg", "", (), "a managed Windows (likewise)"),
    PolicyFile("edge.reg", "", (), "Edge on a managed Windows (likewise)"),
    PolicyFile("edge-undo.reg", "", (), "a managed Windows (likewise)"),
    PolicyFile("chrome.mobileconfig", "", (), "device management, and Chrome on a Mac"),
    PolicyFile("edge.mobileconfig", "", (), "device management, and Edge on a Mac"),
    PolicyFile("firefox.mobileconfig", "", (), "device management, and Firefox on a Mac"),
    PolicyFile("intune.csv", "", (), "Intune"),
)


def build(sites: Path | None) -> int:
    """Write the pack, try it in browsers, and print what that proved; return the exit status.

    Args:
        sites: a list of sites; None for the example.

    Raises:
        SetupError: the list is unfit, or a file of the pack has no claim or is missing.

    """
    if OUT.exists():
        shutil.rmtree(OUT)
    _write_browsers(OUT / "browsers", sites)
    _copy_policies(ROOT / "installer", OUT)
    say("trying the policies in Chromium and Firefox")
    outcomes = _try()
    lines = table(OUT / "browsers", outcomes)
    # another way: a chore writes into a folder of its own, which it has made anew.
    (OUT / TABLE).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    (OUT / SUMS).write_text(sums(OUT), "utf-8")
    for line in lines:
        print(line, flush=True)
    say(f"{OUT.relative_to(ROOT)}: for managed computers only")
    return 1 if any(how == "failed" for how in outcomes.values()) else 0


def _write_browsers(folder: Path, sites: Path | None) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        example = Path(scratch, "sites.txt")
        example.write_text(SITES, "utf-8")
        words = ["--sites", str(sites or example), "--out", str(folder)]
        command: list[str | Path] = [venv.PYTHON, "-m", "agent", "policy", "browsers", *words]
        if run(command, env=venv.environment()) != 0:
            raise SetupError("the browsers' policies could not be written (see above)")


def _copy_policies(installer: Path, out: Path) -> None:
    """Copy the generated policy files of each system that has some."""
    for system in SYSTEMS:
        source = installer / system / "policy"
        if source.is_dir():
            shutil.copytree(source, out / system)


def _try() -> dict[str, str]:
    """Run the tests in real browsers; return how each ended."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.xml")
        words = ["-m", "pytest", "-q", "-n", "0", f"--junitxml={report}", TESTS]
        run([venv.PYTHON, *words], env=venv.environment())
        return outcomes_in(report.read_text("utf-8")) if report.exists() else {}


def outcomes_in(report: str) -> dict[str, str]:
    """Return how each test of a report in JUnit's form ended."""
    found = {}
    for case in ET.fromstring(report).iter("testcase"):  # noqa: S314  # pytest wrote it
        kinds = {each.tag for each in case} & {"failure", "error", "skipped"}
        ended = PASSED if not kinds else "skipped" if kinds == {"skipped"} else "failed"
        found[case.get("name", "")] = ended
    return found


def table(folder: Path, outcomes: Mapping[str, str]) -> list[str]:
    """Return lines that say of each file what this machine proved, and what it did not.

    Raises:
        SetupError: a file of the folder has no claim here, or one with a claim is missing.

    """
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if there != {each.name for each in PACK}:
        odd = ", ".join(sorted(there ^ {each.name for each in PACK}))
        raise SetupError(f"PACK of {Path(__file__).name} and what is written differ: {odd}")
    lines = []
    for each in PACK:
        lines.append(each.name)
        if each.claim:
            proven = all(outcomes.get(test) == PASSED for test in each.tests)
            lines.append(f"  {'proven' if proven else 'not proven'} here: {each.claim}")
        lines.append(f"  only on a real machine: {each.elsewhere}")
    return lines


def sums(folder: Path) -> str:
    """Return the SHA-256 of each file below a folder, as ``sha256sum --check`` reads them."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    return "".join(f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in paths)
