"""The self-extracting ``.run``: the program, which is also its own wizard, packed by makeself."""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from devkit.shell import SetupError, run
from frozen import freeze
from linux.build import tree
from linux.build.completions import completions
from linux.build.manuals import manual_pages

TEMPLATE = Path("/usr/share/makeself/makeself-header.sh")
_ARCHIVE = "export ARCHIVE_DIR\n"
_QUIET = "    -q | --quiet)\n\tquiet=y\n"
_HELP = "    -h | --help)\n\tMS_Help\n\texit 0\n"
_UNKNOWN = '    -*)\n\techo Unrecognized flag : "\\$1" >&2\n\tMS_Help\n\texit 1\n\t;;\n'
# Rather not the Perl program, which complains where the system lacks the language of LANG.
_SUM = "which shasum || command -v shasum || type shasum"
_BLOCK = 4096  # bytes of an ordinary file system's smallest piece
# Whatever makeself does not know is an option of the wizard, which judges and explains it.
_CHANGES = {
    _ARCHIVE: f'{_ARCHIVE}ANKONG_FILE="\\$0"\nexport ANKONG_FILE\n',
    _QUIET: f"{_QUIET}\tANKONG_QUIET=1\n\texport ANKONG_QUIET\n",
    _SUM: _SUM.replace("shasum", "sha256sum"),
    _HELP: "    --archive-help)\n\tMS_Help\n\texit 0\n",
    _UNKNOWN: "    -*)\n\tquiet=y\n\tnoprogress=y\n\tbreak\n\t;;\n",
}


def write(target: Path, bundle: Path, facts: dict[str, str], work: Path) -> None:
    """Write the ``.run``.

    Args:
        target: the file.
        bundle: the frozen program.
        facts: ``version``, ``machine`` and ``glibc``.
        work: a temporary folder.

    Raises:
        SetupError: makeself failed; its output was printed.

    """
    folder = work / "run"
    shutil.rmtree(folder, ignore_errors=True)
    tree.copy_program(bundle, folder / "ankong")
    write_help(folder / "ankong" / "_internal" / "share", facts["version"])
    begin = (tree.SOURCES / "begin.sh").read_text("utf-8")
    (folder / "begin.sh").write_text(begin.replace("{trouble}", trouble(facts)), "utf-8")
    pack(folder, target, _label(facts["version"]))


def pack(folder: Path, target: Path, label: str) -> None:
    """Pack a folder, of which ``begin.sh`` is run; the same files give the same bytes anywhere.

    Args:
        folder: what is packed; its files get the date of the sources.
        target: the file, replaced where it is there.
        label: what the archive calls itself.

    Raises:
        SetupError: makeself failed; its output was printed.

    """
    freeze.settle(folder)
    when = int(freeze.source_date())
    work, made = folder.parent, folder.with_suffix(".made")
    _write_header(work / "header.sh", _room(folder))
    command: list[str | Path] = ["makeself", "--xz", "--complevel", "9", "--nox11", "--nomd5"]
    command += ["--sha256", "--tar-quietly", "--header", "./header.sh"]
    command += ["--packaging-date", str(datetime.fromtimestamp(when, UTC))]
    command += ["--tar-extra", _tar_options(when)]
    # Relative names: makeself writes its own command into the file.
    command += [folder.name, made.name, label, "sh", "./begin.sh"]
    if run(command, env=freeze.reproducible(), folder=work, quiet=True) != 0:
        raise SetupError(f"makeself could not write {target.name} (see above)")
    made.chmod(0o755)
    shutil.move(made, target)


def write_help(folder: Path, version: str) -> None:
    """Write what the wizard puts where ``man`` and the shells of its user look.

    Args:
        folder: to make; the files lie in it as below ``~/.local/share``.
        version: of the program.

    """
    pages = {f"man/{place}": text for place, text in manual_pages(version, for_one=True).items()}
    for place, text in {**pages, **completions(for_one=True)}.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def trouble(facts: Mapping[str, str]) -> str:
    """Return what is said where the program cannot run, in each reviewed language; with line ends.

    Args:
        facts: as :func:`write` has them.

    """
    from agent.words import REVIEWED, section  # noqa: PLC0415  # the chores run without the agent

    told = {"file": "ankong-{version}-{machine}.run".format_map(facts), **facts}
    lines = []
    for language in REVIEWED:
        texts = section(language, "linux_setup")
        lines.append(texts["cannot_run"])
        lines += [f"  · {texts[name].format_map(told)}" for name in ("no_programs", "too_old")]
    return "".join(f"{line}\n" for line in lines)


def _label(version: str) -> str:
    from agent.words import SOURCE, load  # noqa: PLC0415  # likewise

    return f"{load(SOURCE)['product.both_names']} {version}"


def _tar_options(when: int) -> str:
    """Return the options with which tar writes the same bytes for the same files."""
    return f"--sort=name --mtime=@{when} --owner=0 --group=0 --numeric-owner"


def _room(folder: Path) -> int:
    """Return how much room the files want, in KiB: makeself asks the building file system."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(-(-path.stat().st_size // _BLOCK) * (_BLOCK // 1024) for path in files)


def _write_header(path: Path, room: int) -> None:
    """Write makeself's header, in which the wizard's options are the file's own."""
    text = TEMPLATE.read_text("utf-8")
    for before, after in _CHANGES.items():
        if text.count(before) != 1:
            raise SetupError("makeself's header is not what it was: see linux/build/run_file.py")
        text = text.replace(before, after)
    path.write_text(f"USIZE={room}\n{text}", "utf-8")
