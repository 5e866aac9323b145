"""What installing changes on a computer, out of the installers themselves."""

import json
import re
import stat
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from devkit.procurement import deb_reader
from devkit.procurement.claim_rows import ClaimRow, FactSheet, Status
from devkit.procurement.inputs import PackInputs
from devkit.shell import SetupError, output

SETUP: Final = "installer/windows/setup.nsi"
_PROGRAM: Final = "/usr/lib/ankong"
_BUILT: Final = "built.json"
"""What a program says of its own build: agent/host/product.py reads it."""
_MANY: Final = 6
_UNITS: Final = ("/systemd/system/", "/systemd/user/")
_ACTIVE: Final = (".wants/", ".requires/", "/cron.", "/init.d/", "/udev/")
"""Where something runs that a package puts there, without anybody's doing."""
_STARTS: Final = re.compile(
    r"systemctl\b.*\b(enable|preset|start|restart)\b|deb-systemd-|update-rc\.d|\bservice\b.*start"
)
_SCRIPTS: Final = {"preinst", "postinst", "prerm", "postrm"}
_TABLES: Final = (
    *("Registry", "Shortcut", "CustomAction", "Property", "LaunchCondition", "Upgrade"),
    *("ServiceInstall", "Environment", "ODBCDriver", "File", "Component", "Directory"),
)
_BESIDE: Final = ("Environment", "ODBCDriver", "Font", "TypeLib")
"""Tables of Windows Installer by which a package would change more than files, keys, services."""
_ACCOUNT: Final = "LocalSystem"
"""Where a service names none."""
_SETS_PROPERTY: Final = 51
"""The kind of an action that changes nothing on the computer."""
_ROOTS: Final = {"0": "HKCR", "1": "HKCU", "2": "HKLM", "3": "HKU"}
_WRITTEN: Final = re.compile(
    r"^\s*(?:(WriteRegStr|WriteRegDWORD|WriteRegExpandStr) (HK\w+) \"([^\"]*)\" \"([^\"]*)\" (.*?)"
    r"|(CreateShortcut) \"([^\"]*)\" (.*?))\s*$",
    re.MULTILINE,
)
_DEFINED: Final = re.compile(r'^\s*!define (\w+) "([^"]*)"', re.MULTILINE)


def msi(inputs: PackInputs) -> FactSheet:
    """Return what the tables of the MSI have Windows Installer change.

    Raises:
        SetupError: a table cannot be read.

    """
    files = inputs.built(".msi")
    listed = output(["msiinfo", "tables", files[0]]) if files else None
    if not files or listed is None:
        return FactSheet(absent="no_msi" if not files else "no_msitools")
    there = set(listed.split())
    tables: dict[str, list[list[str]]] = {
        name: _table(files[0], name) for name in _TABLES if name in there
    }
    content = {"file": files[0].name, "tables_there": sorted(there), "tables": tables}
    evidence = (inputs.kept.keep_json("installing/msi-tables.json", content, files[0].name),)
    kinds = inputs.words["kinds"]
    cells: list[tuple[str, str, str]] = [
        (kinds["folder"], "[ProgramFiles64Folder]Ankong", f"{len(tables['File'])} {kinds['files']}")
    ]
    cells += [
        (kinds["key"], f"{_ROOTS.get(root, root)}\\{key}", f"{name} = {value}")
        for _, root, key, name, value, _component in tables["Registry"]
    ]
    cells += [(kinds["shortcut"], row[1], row[2].rpartition("|")[2]) for row in tables["Shortcut"]]
    cells += [(kinds["service"], name, text) for name, text in _services(tables)]
    cells += [
        (kinds["action"], action, target)
        for action, number, _source, target in tables["CustomAction"]
        if int(number) & 0x3F != _SETS_PROPERTY
    ]
    rows = [ClaimRow(each, Status.SHOWN, evidence) for each in cells]
    values: dict[str, str | int] = {
        "name": files[0].name,
        "files": len(tables["File"]),
        "beside": len(there & set(_BESIDE)),
        "absent": ", ".join(name for name in _BESIDE if name not in there),
        "services": ", ".join(name for name, _ in _services(tables)) or "–",
    }
    return FactSheet(values, evidence, {"changes": rows})


def _services(tables: Mapping[str, Sequence[Sequence[str]]]) -> Iterator[tuple[str, str]]:
    """Yield each service's name, and its program's arguments with the account that runs it."""
    for row in tables.get("ServiceInstall", ()):
        yield row[1], f"{row[10]} ({row[8] or _ACCOUNT})"


def _table(path: Path, name: str) -> list[list[str]]:
    """Return the rows of a table of an MSI."""
    exported = output(["msiinfo", "export", path, name])
    if exported is None:
        raise SetupError(f"{path.name}: table {name} cannot be read")
    lines = exported.replace("\r\n", "\n").rstrip("\n").split("\n")
    return sorted(line.split("\t") for line in lines[3:])


def bill_of_msi(path: Path) -> bytes | None:
    """Return the bill of materials in an MSI; None where it cannot be unpacked."""
    return _in_msi(path, "sbom.cdx.json")


def _in_msi(path: Path, name: str) -> bytes | None:
    with tempfile.TemporaryDirectory() as folder:
        if output(["msiextract", "--directory", folder, path]) is None:
            return None
        for found in sorted(Path(folder).rglob(name)):
            return found.read_bytes()
    return None


def commit_in(path: Path) -> str:
    """Return the commit that a .deb or an MSI says it was built from; "" where it names none."""
    try:
        is_deb = path.suffix == ".deb"
        built = deb_reader.content_of(path, f"/{_BUILT}") if is_deb else _in_msi(path, _BUILT)
        return str(json.loads(built or b"{}").get("commit") or "")
    except (SetupError, ValueError, AttributeError):
        return ""


def setup(inputs: PackInputs) -> FactSheet:
    """Return what the wizard for Windows writes, by the script that it is made of."""
    text = (inputs.root / SETUP).read_text("utf-8")
    known = dict(_DEFINED.findall(text))
    evidence = (inputs.kept.keep_source(SETUP),)
    kinds = inputs.words["kinds"]
    cells: list[tuple[str, str, str]] = []
    for _, root, key, name, value, shortcut, place, target in _WRITTEN.findall(text):
        if shortcut:
            cells.append((kinds["shortcut"], _filled(place, known), target.partition(" ")[0]))
        else:
            content = _filled(_bare(value.partition(" ;")[0]), known)
            cells.append((kinds["key"], f"{root}\\{_filled(key, known)}", f"{name} = {content}"))
    rows = [ClaimRow(each, Status.SHOWN, evidence) for each in cells]
    values: dict[str, str | int] = {
        "level": (re.findall(r"^RequestExecutionLevel (\w+)", text, re.MULTILINE) or ["?"])[-1],
        "keys": sum(each[0] == kinds["key"] for each in cells),
        "machine": sum(each[1].startswith("HKLM") for each in cells),
    }
    return FactSheet(values, evidence, {"changes": rows})


def _bare(text: str) -> str:
    """Return a word of NSIS without the quotes around it."""
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if is_quoted else text


def _filled(text: str, known: Mapping[str, str]) -> str:
    """Return a text of NSIS with what it defines; what is defined elsewhere stays a gap."""
    for _ in known:
        text = re.sub(r"\$\{(\w+)\}", lambda gap: known.get(gap[1], gap[0]), text)
    return text


def deb(inputs: PackInputs) -> FactSheet:
    """Return what the package for Debian puts where, and which scripts it runs.

    Raises:
        SetupError: it cannot be read.

    """
    files = inputs.built(".deb")
    if not files:
        return FactSheet(absent="no_deb")
    path = files[0]
    with deb_reader.members(path, "data.tar") as archive:
        members = sorted(archive, key=lambda each: each.name)
    with deb_reader.members(path, "control.tar") as archive:
        parts = {each.name.lstrip("./"): each for each in archive if each.isfile()}
        ours = [name for name in sorted(parts) if name in _SCRIPTS]
        scripts = "".join(_script(archive, parts[name], name) for name in ours)
    facts = (deb_reader.content_of(path, "/control", "control.tar") or b"").decode(
        "utf-8", "replace"
    )
    if not facts:
        raise SetupError(f"{path.name} has no control file")
    listing = "".join(f"{_shown(each)}\n" for each in members)
    kept = inputs.kept
    evidence = (
        kept.keep("installing/deb-files.txt", listing.encode(), path.name),
        kept.keep("installing/deb-control.txt", facts.encode(), path.name),
        kept.keep("installing/deb-scripts.txt", scripts.encode(), path.name),
    )
    kinds = inputs.words["kinds"]
    rows = [
        ClaimRow((kinds[kind], place, text), Status.SHOWN, evidence)
        for kind, place, text in _places(members, kinds["files"])
    ]
    rows += [ClaimRow((kinds["script"], name, ""), Status.SHOWN, evidence) for name in ours]
    needs = re.search(r"^Depends: (.*)$", facts, re.MULTILINE)
    plain = [each for each in members if each.isfile()]
    active = [each for each in members if any(place in each.name for place in _ACTIVE)]
    values: dict[str, str | int] = {
        "name": path.name,
        "files": len(plain),
        "raised": sum(bool(each.mode & (stat.S_ISUID | stat.S_ISGID)) for each in plain),
        "units": sum(any(unit in each.name for unit in _UNITS) for each in plain),
        "active": sum(not each.isdir() for each in active) + len(_STARTS.findall(scripts)),
        "scripts": ", ".join(ours) or "–",
        "needs": needs[1] if needs else "–",
    }
    return FactSheet(values, evidence, {"changes": rows})


def _script(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> str:
    file = archive.extractfile(member)
    return f"== {name}\n{file.read().decode('utf-8', 'replace') if file else ''}\n"


def _shown(member: tarfile.TarInfo) -> str:
    to = f" -> {member.linkname}" if member.issym() else ""
    owner = f"{member.uname or member.uid}/{member.gname or member.gid}"
    return f"{stat.filemode(member.mode)} {owner} {member.size:>9} {_absolute(member)}{to}"


def _absolute(member: tarfile.TarInfo) -> str:
    return "/" + member.name.removeprefix("./").lstrip("/")


def _places(members: Sequence[tarfile.TarInfo], files: str) -> Iterator[tuple[str, str, str]]:
    """Yield kind, place and remark of what is installed, many files of a folder as one."""
    plain = [each for each in members if not each.isdir()]
    inside = [each for each in plain if _absolute(each).startswith(f"{_PROGRAM}/")]
    yield "folder", _PROGRAM, f"{len(inside)} {files}"
    others = [each for each in plain if each not in inside]
    by_folder = Counter(_group(each) for each in others)
    for folder, number in sorted(by_folder.items()):
        if number > _MANY:
            yield "folder", folder, f"{number} {files}"
            continue
        for each in others:
            if _group(each) == folder:
                kind = "autostart" if "/autostart/" in _absolute(each) else "file"
                yield kind, _absolute(each), f"→ {each.linkname}" if each.issym() else ""


def _group(member: tarfile.TarInfo) -> str:
    return "/".join(PurePosixPath(_absolute(member)).parts[:4]).replace("//", "/")
