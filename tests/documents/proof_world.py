"""Authorities for signatures and for the time on this computer, and settings that name them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from agent.documents.levels import ProofSettings
from agent.virtualcard.issuer import TestIssuer
from tests.documents.time_authorities import (
    Served,
    TimeAuthority,
    authority,
    lists,
    served,
    time_root,
)


@dataclass
class World:
    """Authorities that are reached, and whom this computer trusts.

    Attributes:
        server: for timestamps and lists.
        settings: of this computer.
        folder: of the test.

    """

    server: Served
    settings: ProofSettings
    folder: Path


@contextmanager
def world_of(folder: Path, issuer: TestIssuer, of: TimeAuthority | None = None) -> Iterator[World]:
    (folder / "time.cer").write_bytes(time_root().der)
    raw = issuer.root.certificate.public_bytes(Encoding.DER)
    (folder / "root.cer").write_bytes(raw)
    with served(of or authority()) as server:
        server.files["/time.crl"] = lists(time_root())[0]
        server.files["/root.crl"] = issuer.root_crl()
        server.files["/ca.crl"] = issuer.crl()
        settings = ProofSettings(
            timestamp_url=server.url,
            timestamp_anchors=[folder / "time.cer"],
            evidence_urls=[f"{server.url}{name}.crl" for name in ("time", "root", "ca")],
            document_anchors=[folder / "root.cer"],
        )
        yield World(server, settings, folder)


def write_settings(world: World, state: Path, **more: object) -> None:
    """Write the settings file of a state folder that names these authorities."""
    known = world.settings
    values: dict[str, object] = {
        "timestamp_url": known.timestamp_url,
        "timestamp_anchors": list(map(str, known.timestamp_anchors)),
        "evidence_urls": list(known.evidence_urls),
        "document_anchors": list(map(str, known.document_anchors)),
        **more,
    }
    state.mkdir(mode=0o700, exist_ok=True)
    lines = [f"{name} = {value!r}\n" for name, value in values.items()]
    (state / "config.toml").write_text("".join(lines), "utf-8")
