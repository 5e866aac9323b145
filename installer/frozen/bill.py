"""Bills of materials as CycloneDX 1.6 writes them, with what procurement asks for (NTIA minimum).

That is: who made each component, its name, version and package URL, what uses it, who wrote the
bill, and when. A bill depends on its content alone: the same sources give the same bytes, down to
its serial number. Standard library only; what the components are is for :mod:`frozen.sbom`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

AUTHOR: Final = "The Ankong authors"
UNSTATED: Final = "not stated by its makers"
"""The supplier of a component whose metadata name none; nobody's name is guessed."""
PRODUCT: Final = "ankong"
_SPACE: Final = uuid5(NAMESPACE_URL, "urn:ankong:bill-of-materials")


def digest(files: Iterable[tuple[str, bytes]]) -> str:
    """Return one SHA-256, in hex, over files: that of their listing as sha256sum(1) prints it.

    Args:
        files: name and content of each, in any order.

    """
    lines = sorted((name, hashlib.sha256(content).hexdigest()) for name, content in files)
    listing = "".join(f"{found}  {name}\n" for name, found in lines)
    return hashlib.sha256(listing.encode()).hexdigest()


def component(facts: Mapping[str, str], hashed: Mapping[str, str]) -> dict[str, Any]:
    """Return the row of a component.

    Args:
        facts: ``name``, ``version``, ``purl``, ``supplier`` and ``licence``, the last two perhaps
            empty.
        hashed: ``sha256`` and ``files``, how many that is over; empty where none was collected.

    """
    row: dict[str, Any] = {
        "type": "library",
        "bom-ref": facts["purl"],
        "supplier": {"name": facts["supplier"] or UNSTATED},
        "name": facts["name"],
        "version": facts["version"],
    }
    if hashed:
        row["hashes"] = [{"alg": "SHA-256", "content": hashed["sha256"]}]
    if facts["licence"]:
        row["licenses"] = [{"license": {"name": facts["licence"]}}]
    row["purl"] = facts["purl"]
    if hashed:
        over = f"the listing of its {hashed['files']} files that were collected"
        row["properties"] = [{"name": "ankong:sha256-of", "value": over}]
    return row


def document(
    version: str,
    when: int,
    components: Sequence[Mapping[str, Any]],
    dependencies: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Return a whole bill.

    Args:
        version: of the program.
        when: seconds since 1970, when its sources were last changed.
        components: rows from :func:`component` and :func:`artefact`.
        dependencies: what uses what, by ``bom-ref``; :data:`PRODUCT` is the program.

    """
    own = {"type": "application", "bom-ref": PRODUCT, "supplier": {"name": AUTHOR}}
    body: dict[str, Any] = {
        "metadata": {
            "timestamp": datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lifecycles": [{"phase": "build"}],
            "tools": {
                "components": [
                    {"type": "application", "name": "ankong bill", "version": version},
                ]
            },
            "authors": [{"name": AUTHOR}],
            "component": {
                **own,
                "name": PRODUCT,
                "version": version,
                "licenses": [{"license": {"id": "MIT"}}],
            },
            "supplier": {"name": AUTHOR},
        },
        "components": list(components),
        "dependencies": [
            {"ref": name, "dependsOn": list(used)} for name, used in dependencies.items()
        ],
    }
    serial = uuid5(_SPACE, json.dumps(body, sort_keys=True))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": serial.urn}
    return {**head, "version": 1, **body}


def artefact(path: Path) -> dict[str, Any]:
    """Return the row of a file of a release, with its size and its hashes."""
    content = path.read_bytes()
    return {
        "type": "file",
        "bom-ref": f"file/{path.name}",
        "supplier": {"name": AUTHOR},
        "name": path.name,
        "hashes": [
            {"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()},
            {"alg": "SHA-512", "content": hashlib.sha512(content).hexdigest()},
        ],
        "properties": [{"name": "ankong:size", "value": str(len(content))}],
    }


def merged(
    bills: Mapping[str, Mapping[str, Any]], files: Mapping[str, Sequence[Path]]
) -> dict[str, Any]:
    """Return the one bill of a release, in which each installer depends on what it carries.

    Args:
        bills: that of the frozen program of each system, by a name for the system.
        files: the installers that carry it, by the same names.

    Raises:
        ValueError: the bills are of several versions, or there is none.

    """
    versions = {bill["metadata"]["component"]["version"] for bill in bills.values()}
    if len(versions) != 1:
        raise ValueError(f"bills of {len(versions)} versions: {', '.join(sorted(versions))}")
    rows: list[dict[str, Any]] = []
    uses: dict[str, list[str]] = {PRODUCT: []}
    for system in sorted(bills):
        # The same package may have other files on another system.
        own = [
            {**row, "bom-ref": f"{system}/{row['bom-ref']}"} for row in bills[system]["components"]
        ]
        rows += own
        uses.update((row["bom-ref"], []) for row in own)
        for path in files[system]:
            made = artefact(path)
            rows.append(made)
            uses[PRODUCT].append(made["bom-ref"])
            uses[made["bom-ref"]] = [row["bom-ref"] for row in own]
    times = [str(bill["metadata"]["timestamp"]) for bill in bills.values()]
    when = datetime.strptime(max(times), "%Y-%m-%dT%H:%M:%S%z")
    return document(versions.pop(), int(when.timestamp()), rows, uses)


def text(bill: Mapping[str, Any]) -> str:
    """Return a bill as it is written into a file."""
    return json.dumps(bill, ensure_ascii=False, indent=1) + "\n"
