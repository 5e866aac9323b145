"""The bills of materials, as they lie in what was built, and who says where a component is from."""

import json
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from frozen.bill import UNSTATED

from devkit.procurement import deb_reader, package_facts
from devkit.procurement.claim_rows import ClaimRow, FactSheet, Status
from devkit.procurement.inputs import PackInputs
from devkit.shell import SetupError

ORIGINS: Final = "installer/release/origins.toml"
_INSIDE: Final = "/_internal/sbom.cdx.json"


def finding(inputs: PackInputs) -> FactSheet:
    """Return the components of what was built, and how many lack what.

    Raises:
        SetupError: a bill or the list of origins cannot be read.

    """
    bills = dict(_bills(inputs))
    if not bills:
        return FactSheet(absent="no_bill")
    origins = stated_origins(inputs.root)
    merged: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    for name, content in bills.items():
        for part in components(name, content):
            merged[part].add(name)
    kept = {
        name: inputs.kept.keep(
            f"bills/{name}.cdx.json", content, f"{inputs.installers.name}/{name}"
        )
        for name, content in bills.items()
    }
    stated = inputs.kept.keep_source(ORIGINS)
    evidence = (*kept.values(), stated)
    rows = []
    for part, systems in sorted(merged.items()):
        own = tuple(kept[system] for system in sorted(systems))
        names = {inputs.words["systems"].get(each.partition("-")[0], each) for each in systems}
        rows.append(_row(part, names, origins, (own, (*own, stated))))
    licences: dict[str, list[str]] = defaultdict(list)
    for name, _, licence, _ in merged:
        licences[licence].append(name)
    by_licence = [
        ClaimRow((licence, str(len(names)), ", ".join(sorted(names))), Status.SHOWN, evidence)
        for licence, names in sorted(licences.items())
    ]
    values: dict[str, str | int] = {
        "systems": ", ".join(sorted(bills)),
        "components": len(merged),
        "without_licence": sum(not part[2] for part in merged),
        "without_supplier": sum(not row.cells[3] for row in rows),
        "without_country": sum(not row.cells[4] for row in rows),
        "unhashed": sum(_unhashed(content) for content in bills.values()),
    }
    return FactSheet(values, evidence, {"components": rows, "licences": by_licence})


def _bills(inputs: PackInputs) -> Iterator[tuple[str, bytes]]:
    """Yield the bill of each system: beside the installers, else out of them."""
    beside = {
        path.name.removeprefix("sbom-").removesuffix(".cdx.json"): path
        for path in sorted(inputs.installers.glob("sbom-*.cdx.json"))
    }
    for name, path in beside.items():
        yield name, path.read_bytes()
    for package in inputs.built(".deb"):
        content = deb_reader.content_of(package, _INSIDE)
        if content and not any(name.startswith("linux") for name in beside):
            yield f"linux-{package.stem.rpartition('_')[2]}", content
    for package in inputs.built(".msi"):
        if not any(name.startswith("windows") for name in beside):
            content = package_facts.bill_of_msi(package)
            if content:
                yield "windows-x64", content


def components(name: str, content: bytes) -> list[tuple[str, str, str, str]]:
    """Return name, version, licence and supplier of each component; "" where nothing is stated.

    Raises:
        SetupError: it is no bill.

    """
    try:
        bill = json.loads(content)
        return [_component(part) for part in bill["components"] if part["type"] != "file"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(f"the bill of {name} cannot be read: {error!r}") from error


def _component(part: Mapping[str, Any]) -> tuple[str, str, str, str]:
    licences = [each.get("expression") or _named(each) for each in part.get("licenses", ())]
    supplier = str(part.get("supplier", {}).get("name", ""))
    stated = "" if supplier == UNSTATED else supplier
    return str(part["name"]), str(part.get("version", "")), ", ".join(licences), stated


def _named(licence: Mapping[str, Any]) -> str:
    said = licence["license"]
    return str(said.get("id") or said.get("name") or "")


def _unhashed(content: bytes) -> int:
    parts = json.loads(content)["components"]
    return sum("hashes" not in part for part in parts)


def stated_origins(root: Path) -> dict[str, dict[str, str]]:
    """Return what maintainers state of themselves, by the component's name.

    Raises:
        SetupError: a row has a country, and no place where its maintainers state it.

    """
    found = {}
    listed = tomllib.loads((root / ORIGINS).read_text("utf-8"))
    for row in listed.get("origin", ()):
        if not row.get("name") or not row.get("stated"):
            raise SetupError(f"{ORIGINS}: {row} needs name, and stated: where it is stated")
        found[str(row["name"])] = {str(key): str(value) for key, value in row.items()}
    return found


def _row(
    part: tuple[str, str, str, str],
    systems: set[str],
    origins: Mapping[str, Mapping[str, str]],
    evidence: tuple[tuple[str, ...], tuple[str, ...]],
) -> ClaimRow:
    """Return the row of a component; of the two pieces of evidence the second has its origin."""
    name, version, licence, supplier = part
    stated = origins.get(name, {})
    cells = (
        *(name, version, licence),
        *(supplier or stated.get("supplier", ""), stated.get("country", "")),
        ", ".join(sorted(systems)),
    )
    return ClaimRow(cells, Status.SHOWN, evidence[bool(stated)])
