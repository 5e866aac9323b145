"""Build the MSI: the frozen program for all users of a computer, as administrators hand it out.

It is always made on Linux, with gcab and msibuild: tables and cabinet are the same for the same
program and version, and so is every octet of the file. Of a program that was frozen (and signed)
elsewhere it is made by::

    PYTHONPATH=.:installer python -m windows.build.msi FOLDER OUT
"""

import hashlib
import os
import shutil
import sys
import tomllib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from devkit.agreement import version_of
from devkit.shell import ROOT, SetupError, run
from frozen import freeze, icons
from windows.build import msi_tables
from windows.build.msi_columns import COLUMNS, Row
from windows.build.msi_tables import CABINET, ICON, Product
from windows.build.wine import CACHE, SOURCES

from agent.words import REVIEWED, SOURCE, load

FACTS: Final = SOURCES / "msi.toml"
_SUMMARY: Final = "_SummaryInformation"
_TOOLS: Final = "msibuild and gcab are needed: apt-get install msitools gcab"


def product_of(program: Path, version: str) -> Product:
    """Return what the MSI says of the program, in the catalogue's words."""
    publisher = " ".join(str(load(each)["product.company"]) for each in REVIEWED)
    name = str(load(SOURCE)["product.both_names"])
    return Product(program, version, name, publisher, tomllib.loads(FACTS.read_text("utf-8")))


def write(product: Product, target: Path, work: Path, time: int) -> None:
    """Write the MSI.

    Args:
        product: what goes in.
        target: the file, which is replaced.
        work: a folder, which is made anew.
        time: seconds since 1970, for every time in it.

    Raises:
        SetupError: something is missing or failed; the text says what, and what to do.

    """
    rows, order = msi_tables.tables(product)
    work = work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    (work / "Icon").mkdir(parents=True)
    icons.write(work / "Icon", "win32")
    cabinet = _pack(order, work, time)
    tables = [_write_codepage(work), *(_write_table(name, rows[name], work) for name in rows)]
    digest = hashlib.sha256()
    for file in (*tables, work / "Icon" / ICON, cabinet):
        digest.update(file.read_bytes())
    # Another content, another code: Windows Installer takes equal codes for equal files.
    code = product.identifier("package", digest.hexdigest())
    tables.append(_write_table(_SUMMARY, list(_summary(product, code, time)), work))
    made = work / "made.msi"
    _run(["msibuild", made, *_each("-i", tables), "-a", CABINET, cabinet], work)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, target)
    shutil.rmtree(work)


def _summary(product: Product, code: str, time: int) -> Iterator[Row]:
    """Yield what stands in the summary: numbers and values of [MS-OLEPS] and Windows Installer."""
    moment = f"{datetime.fromtimestamp(time, UTC):%Y/%m/%d %H:%M:%S}"
    yield (1, 1252)  # the code page of the summary alone, which is ASCII
    yield (2, "Installation Database")
    yield (3, "Ankong")
    yield (4, "The Ankong project")
    yield (5, "Installer")
    yield (7, f"x64;{product.facts['language']}")
    yield (9, code)
    yield (12, moment)
    yield (13, moment)
    yield (14, 500)  # Windows Installer 5.0, which every Windows 10 has
    yield (15, 2)  # long names, compressed
    yield (18, "msibuild")
    yield (19, 2)  # to be read only


def name_of(version: str) -> str:
    """Return the name of the file for a version."""
    return f"ankong-{version}-x64.msi"


def main(words: Sequence[str]) -> int:
    """Write the MSI of the program in one folder into another; return the exit status."""
    if len(words) != 2:
        print("python -m windows.build.msi FOLDER OUT", file=sys.stderr)
        return 2
    program, out = map(Path, words)
    version = version_of(ROOT)
    target = out / name_of(version)
    try:
        write(product_of(program, version), target, CACHE / "msi", int(freeze.source_date()))
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    print(target)
    return 0


def _each(option: str, files: Sequence[Path]) -> list[str | Path]:
    return [word for file in files for word in (option, file)]


def _run(command: Sequence[str | Path], folder: Path) -> None:
    """Run a tool where neither language nor time zone of this computer matter.

    Raises:
        SetupError: it is missing or failed.

    """
    env = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    status = run(command, env=env, folder=folder, quiet=True)
    if status == 127:
        raise SetupError(_TOOLS)
    if status != 0:
        raise SetupError(f"{command[0]} failed (see above)")


def _pack(order: Sequence[tuple[str, Path]], work: Path, time: int) -> Path:
    """Pack the files under their keys; return the cabinet."""
    inside = work / "files"
    inside.mkdir()
    for key, path in order:
        copy = inside / key
        shutil.copyfile(path, copy)
        copy.chmod(0o644)
        os.utime(copy, (time, time))
    cabinet = work / CABINET
    _run(["gcab", "-c", "-z", "-n", cabinet, *(key for key, _ in order)], inside)
    return cabinet


def _write_codepage(work: Path) -> Path:
    """Write what makes the texts of all tables that are imported after it UTF-8."""
    file = work / "_ForceCodepage.idt"
    file.write_bytes(b"\r\n\r\n65001\t_ForceCodepage\r\n")
    return file


def _write_table(name: str, rows: Sequence[Row], work: Path) -> Path:
    """Write a table in the format that Windows Installer exports and imports (.idt).

    Raises:
        SetupError: a value has a letter that ends a value there.

    """
    keys, columns = COLUMNS[name]
    names, types = zip(*(column.split(":") for column in columns), strict=True)
    lines = [names, types, (name, *names[:keys])]
    for row in rows:
        if len(row) != len(columns):
            raise SetupError(f"{name}: {row[0]} has {len(row)} values, not {len(columns)}")
        lines.append(tuple("" if value is None else str(value) for value in row))
    if any(letter in value for line in lines for value in line for letter in "\t\r\n"):
        raise SetupError(f"{name}: a value has a tab or a line end")
    file = work / f"{name}.idt"
    file.write_bytes("".join("\t".join(line) + "\r\n" for line in lines).encode())
    return file


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
