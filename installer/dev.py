r"""Set this checkout up on a fresh machine and run its chores; standard library only.

``python3 installer/dev.py --help`` (Windows: ``py installer\dev.py --help``) lists the chores;
``make`` has the same ones. Keep this file readable by any Python 3: it has to start there to say
which Python it needs. What does the work is in ``devkit``, which may use Python 3.11.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

NEEDED = (3, 11)
SYSTEMS = ("linux", "windows", "macos")
NEWER_NAMES = ("python3.13", "python3.12", "python3.11")


def require_python() -> None:
    """Exit with an explanation, or restart with a newer Python, where this one is too old."""
    if sys.version_info >= NEEDED:
        return
    for name in NEWER_NAMES:
        found = shutil.which(name)
        if found:
            sys.exit(subprocess.call([found, __file__, *sys.argv[1:]]))
    sys.exit(
        "Ankong needs Python {}.{} or newer; this one is {}.{}.\n".format(
            *NEEDED, *sys.version_info[:2]
        )
        + "Debian and Ubuntu: sudo apt-get install python3 (Debian 12, Ubuntu 24.04 or newer).\n"
        "Windows and macOS: https://www.python.org/downloads/"
    )


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__.splitlines()[0])
    chores = parser.add_subparsers(dest="chore", required=True, metavar="CHORE")
    chores.add_parser("setup", help="prepare everything that the other chores need")
    demo = chores.add_parser("demo", help="play the upgrade; more arguments go to the demo itself")
    demo.add_argument("--check", action="store_true", help="play it alone, headless, and judge it")
    demo.add_argument("--site", action="store_true", help="instead, log in to an example site")
    demo.add_argument("--provider", choices=("virtual", "pcsc"), default="virtual")
    chores.add_parser("test", help="run all tests; more arguments go to pytest", add_help=False)
    chores.add_parser("lint", help="check style, types, floors, and that versions agree")
    chores.add_parser("bench", help="measure, and print one JSON table", add_help=False)
    chores.add_parser("house", help="print figures about the code; fail where one got worse")
    chores.add_parser(
        "mutants", help="print how many small faults the tests notice", add_help=False
    )
    chores.add_parser(
        "pictures", help="keep pictures of every window in every language", add_help=False
    )
    fuzz = chores.add_parser(
        "fuzz", help="run the fuzz tests for long; more go to pytest", add_help=False
    )
    fuzz.add_argument("--engine", choices=("hypothesis", "atheris"), default="hypothesis")
    fuzz.add_argument("--seconds", type=int, default=60, help="for each target, with atheris")
    fuzz.add_argument("--ledger", type=Path, help="file that atheris's counts are added to")
    chores.add_parser("proof", help="play all that the test run plays a sample of")
    chores.add_parser("proven", help="write the table of what is proven, from what ran")
    chores.add_parser("docs", help="make what is generated: API, error catalogues, handbook, types")
    chores.add_parser("kits", help="build the packages for sites and their testers")
    admin = chores.add_parser("admin", help="write what administrators give out, into dist/admin")
    admin.add_argument("--sites", type=Path, metavar="FILE", help="list of sites, one in each line")
    _add_builds(chores)
    proof = chores.add_parser(
        "test-installers", help="prove what was built; more arguments go to pytest", add_help=False
    )
    proof.add_argument(
        "--short",
        dest="marks",
        action="store_const",
        const="artefact and not long",
        default="artefact",
        help="only what the gate has time for",
    )
    proof.add_argument("--only", choices=SYSTEMS, help="the proofs of one system's installers")
    _add_release_chores(chores)
    chores.add_parser("lock", help="resolve the dependencies again and write their hashes")
    return parser


def _add_builds(chores: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the chores that build installers."""
    build = chores.add_parser("installers", help="build the installers of every system")
    build.add_argument("--only", action="append", choices=SYSTEMS)
    again = chores.add_parser(
        "reproduce", help="build them twice elsewhere; fail if a byte differs"
    )
    again.add_argument("--only", action="append", choices=("linux", "windows"))


def _add_release_chores(chores: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add what is done with installers that were built."""
    smoke = chores.add_parser("smoke", help="use an installed program, on any system")
    tried = smoke.add_mutually_exclusive_group(required=True)
    tried.add_argument("--program", type=Path, help="this one, with a virtual card")
    tried.add_argument(
        "--install",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="install, use and remove these (all in dist/installers that fit); "
        "for machines that are thrown away",
    )
    chores.add_parser("bill", help="put the bills of materials beside the installers")
    channels = chores.add_parser("channels", help="write and judge what channels publish")
    channels.add_argument(
        "--files", type=Path, metavar="DIR", help="what was built (dist/installers)"
    )
    channels.add_argument(
        "--try",
        dest="hosted",
        action="store_true",
        help="have winget or Homebrew take it; for machines that are thrown away",
    )
    chores.add_parser("release", help="put a release together from what machines built")
    pack = chores.add_parser("procurement", help="write what agencies ask for when they buy")
    pack.add_argument("--since", default="", metavar="TAG", help="the quarter's report begins here")
    pack.add_argument(
        "--report",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="SARIF or pip-audit's JSON, of a run elsewhere",
    )


def main() -> int:
    """Run one chore; return its exit status."""
    require_python()
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from devkit import chores  # noqa: PLC0415  # only now is it certain that it can be read
    from devkit.shell import SetupError  # noqa: PLC0415  # likewise

    options, rest = build_parser().parse_known_args()
    if rest and options.chore not in chores.TAKES_MORE:
        build_parser().error("unknown arguments: " + " ".join(rest))
    try:
        return chores.run_chore(options, rest)
    except SetupError as error:
        sys.stdout.flush()
        print(f"\ndev.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
