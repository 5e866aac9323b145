"""Make the repository for apt, dnf and zypper from what was built, and sign it.

::

    python -m installer.release.repository make --table dist/installers/artefacts.json \
        --url https://…/ [--key release.key] [--previous DIR] [--out dist/channels/repository]
    python -m installer.release.repository make --previous DIR --out NEW --url https://…/
    python -m installer.release.repository certificate --key release.key

The first line makes a repository, with what ``--previous`` has, if that is given. The second signs
anew what is there: the lists hold for 90 days. The third prints the public key as OpenPGP has it.

The key is the release key (:mod:`release.manifest` makes it), from a file or from the environment
(``ANKONG_RELEASE_KEY``, PEM; ``ANKONG_RELEASE_PASSPHRASE``). ``--key`` may be given twice, while
one key follows another: both sign the lists, the first alone the packages. Without a key nothing is
made, unless ``--unsigned`` says that it is for a trial.

The date is ``SOURCE_DATE_EPOCH``, or now. The same packages, keys and date give the same bytes.
Needs dpkg, rpm (rpmsign), createrepo_c and, for ``--previous``, gpgv. Exit status: 0 it is made; 1
it is not, nothing was changed, and the last line says why; 2 the command line is wrong.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

from agent.words import REVIEWED, SOURCE

sys.path.insert(0, str(Path(__file__).parents[1]))
from release import apt_repository, dnf_repository  # found by the line above
from release.openpgp import CREATED, TwinKey, armoured
from release.release_key import KEY, release_key
from release.repository_package import RepositoryError, RepositoryPackage, built, sha256, together
from release.repository_previous import SUMS, lists, previous

ROOT: Final = Path(__file__).resolve().parents[2]
OUT: Final = ROOT / "dist" / "channels" / "repository"
LIFE: Final = 90  # days
KEPT: Final = 3  # versions
PAGES: Final = {
    each: Path(__file__).with_name(
        "REPOSITORY.md" if each is SOURCE else f"REPOSITORY.{each.date_locale}.md"
    )
    for each in REVIEWED
}
"""What the page for people is made of, in the order of the page."""
_FRAME: Final = """\
<!doctype html>
<html lang="{first}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Ankong: apt, dnf, zypper</title>
<style>
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.6 sans-serif; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid; }
code { overflow-wrap: anywhere; }
</style>
"""
_BLOCK: Final = "PUBLIC KEY BLOCK"
_URL: Final = re.compile(
    r"(?:https://[A-Za-z0-9.-]+(?::\d+)?|http://127\.0\.0\.1:\d+|file://)/(?:[A-Za-z0-9._~-]+/)*"
)
"""Of a host by TLS alone: what people take first there is the key itself."""
_DAY: Final = 86400


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.work(options)
    except (RepositoryError, OSError, ValueError, TypeError) as error:
        print(f"repository: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    write = verbs.add_parser("make", help="make a repository, or sign one anew")
    write.set_defaults(work=make)
    write.add_argument("--table", type=Path, help="artefacts.json, beside what was built")
    write.add_argument("--previous", type=Path, help="the repository that people have now")
    write.add_argument(
        "--url", required=True, type=_url, help="where it will be, with a / at its end"
    )
    write.add_argument("--days", type=int, default=LIFE, help="for which apt takes the lists")
    write.add_argument("--keep", type=int, default=KEPT, help="versions for each system")
    write.add_argument("--out", type=Path, default=OUT, help="the folder, which is replaced")
    show = verbs.add_parser("certificate", help="print the public key")
    show.set_defaults(work=print_certificate)
    for verb in (write, show):
        verb.add_argument(
            "--key", type=Path, action="append", help=f"PEM; default: what {KEY} holds"
        )
    write.add_argument("--unsigned", action="store_true", help="for a trial: nobody can check it")
    return parser


def _url(argument: str) -> str:
    if not _URL.fullmatch(argument):
        raise argparse.ArgumentTypeError(f"{argument}: not like https://host/folder/")
    return argument


def make(options: argparse.Namespace) -> None:
    """Make the repository that the options describe, in place of what is there.

    Raises:
        RepositoryError: something is not as it has to be; nothing was changed.
        ValueError: the key cannot be read.
        OSError: a file cannot be read or written.

    """
    if options.table is None and options.previous is None:
        raise RepositoryError("give --table, --previous, or both")
    if options.out.exists() and not (options.out / SUMS).is_file():
        raise RepositoryError(f"{options.out} is there, and is no repository of ours")
    keys = [] if options.unsigned else _keys(options.key)
    when = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    if when <= CREATED or options.days < 1 or options.keep < 1:
        raise RepositoryError("the date is before that of every key, or a number is below 1")
    earlier = previous(options.previous, _certificates(keys), when) if options.previous else []
    new = built(options.table) if options.table else []
    packages = together(new, earlier, options.keep)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out.parent) as folder:
        root = Path(folder, "repository")
        root.mkdir()
        if options.previous:
            _keep_lists(options.previous, root)
        laid = [_lay(package, root) for package in packages]
        for copy in laid:
            # Also what a key had signed that is left out now: nobody new would have that key.
            if keys and copy.kind == "rpm" and not dnf_repository.is_signed(copy.path, keys):
                dnf_repository.sign_header(copy.path, keys[0], when)
        apt_repository.write(root, laid, keys, range(when, when + options.days * _DAY))
        dnf_repository.write(root, laid, keys, when)
        _write_doors(root, options.url, laid, keys)
        _sum_up(root, keys, when)
        _settle(root, when)
        _replace(options.out, root, Path(folder, "before"))
    for package in laid:
        print(package.place)
    whose = ", ".join(key.fingerprint.hex().upper() for key in keys)
    print(
        f"{options.out}: signed by {whose}" if keys else f"{options.out}: NOT SIGNED, for a trial"
    )


def print_certificate(options: argparse.Namespace) -> None:
    """Print the public keys, armoured.

    Raises:
        RepositoryError: there is no key.
        ValueError: the key cannot be read.
        OSError: the file cannot be read.

    """
    print(armoured(_BLOCK, _certificates(_keys(options.key))).decode(), end="")


def _keys(files: Sequence[Path] | None) -> list[TwinKey]:
    if not files and not os.environ.get(KEY):
        raise RepositoryError(f"no key: give --key, set {KEY}, or say --unsigned for a trial")
    return [TwinKey(release_key(file)) for file in files or (None,)]


def _certificates(keys: Sequence[TwinKey]) -> bytes:
    return b"".join(key.certificate() for key in keys)


def _lay(package: RepositoryPackage, root: Path) -> RepositoryPackage:
    """Copy a package to its place."""
    path = root / package.place
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(package.path, path)
    return replace(package, path=path)


def _keep_lists(previous_root: Path, root: Path) -> None:
    """Keep the lists of just before, for those who have just read the Release over them."""
    for path in lists(previous_root):
        kept = path.parent.relative_to(previous_root) / "by-hash" / "SHA256"
        (root / kept).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, root / kept / sha256(path.read_bytes()))


def _write_doors(
    root: Path, url: str, packages: Sequence[RepositoryPackage], keys: Sequence[TwinKey]
) -> None:
    """Write what people take first: the keys, the two definitions, and a page that says how."""
    certificates = _certificates(keys)
    if keys:
        (root / "ankong.gpg").write_bytes(certificates)
        (root / "ankong.asc").write_bytes(armoured(_BLOCK, certificates))
        marks = {"{url}": url, "{fingerprint}": _fingerprints(keys)}
        (root / "index.html").write_text(_page(marks), "utf-8")
    kinds = {package.kind for package in packages}
    if "deb" in kinds:
        architectures = sorted({each.architecture for each in packages if each.kind == "deb"})
        told = apt_repository.sources(url, certificates, architectures)
        (root / "ankong.sources").write_text(told, "utf-8")
    if "rpm" in kinds:
        told = dnf_repository.definition(url, signed=bool(keys))
        (root / "ankong.repo").write_text(told, "utf-8")


def _fingerprints(keys: Sequence[TwinKey]) -> str:
    """Return the fingerprints as gpg prints them."""
    return ", ".join(key.fingerprint.hex().upper() for key in keys)


def _page(marks: Mapping[str, str]) -> str:
    """Return the page for people, in every language that it is written in."""
    reader = MarkdownIt()
    parts = []
    for language, source in PAGES.items():
        text = source.read_text("utf-8")
        for mark, value in marks.items():
            text = text.replace(mark, value)
        parts.append(f'<section lang="{language}">\n{reader.render(text)}</section>\n')
    return _FRAME.replace("{first}", next(iter(PAGES))) + "".join(parts)


def _sum_up(root: Path, keys: Sequence[TwinKey], when: int) -> None:
    """Write the sums of all files, and sign them: what a mirror, and the next release, check."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    lines = [f"{sha256(path.read_bytes())}  {path.relative_to(root)}\n" for path in files]
    text = "".join(lines).encode()
    (root / SUMS).write_bytes(text)
    if keys:
        made = b"".join(key.detached(text, when) for key in keys)
        (root / f"{SUMS}.gpg").write_bytes(made)


def _settle(root: Path, when: int) -> None:
    """Give all files and folders the date, and the modes that a web server needs."""
    for path in (*root.rglob("*"), root):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (when, when))


def _replace(out: Path, root: Path, before: Path) -> None:
    """Put the new folder in the place of the old one, whole, or leave the old one there."""
    if not out.exists():
        root.rename(out)
        return
    out.rename(before)
    try:
        root.rename(out)
    except OSError:
        before.rename(out)
        raise


if __name__ == "__main__":
    sys.exit(main())
