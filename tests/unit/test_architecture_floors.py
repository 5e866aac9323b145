"""The floors of the house hold, and the rules that say so can fail."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
    "contracts"
]

# For each contract: a room, and an import that must not stand in it.
OFFENCES = {
    "floors": ("agent/iso7816/command.py", "import agent.transport.base"),
    "no-card": ("agent/pki/certificate.py", "import agent.cards.card"),
    "seam": ("agent/signing/service.py", "import agent.transport.pcsc"),
    "front": ("agent/web/front/mount.py", "import agent.web.native.wire"),
    "host": ("agent/host/settings/config.py", "import agent.signing.model"),
    "card-side": ("agent/virtualcard/gen1.py", "import agent.cards.citizen.gen1"),
    "relying-party": ("agent/portal/members.py", "import agent.virtualcard.card"),
    "kits": ("agent/kits/vectors/cases.py", "import agent.portal.errors"),
    "verifiers": ("agent/relying/login.py", "import agent.kits.vectors.cases"),
    "no-verifier": ("agent/web/service.py", "import agent.relying.login"),
    "not-shipped": ("agent/signing/service.py", "import agent.virtualcard.card"),
    "upwards": ("agent/cli.py", "import tray"),
    "pyscard": ("agent/cards/card.py", "import smartcard.scard"),
    "windows": ("agent/consent/consent.py", "import tkinter"),
    "asn1": ("agent/portal/members.py", "import asn1crypto.x509"),
    "messages": ("agent/signing/model.py", "import msgspec"),
    "pdf-worker": ("agent/documents/signing.py", "import agent.pdf.prepare"),
    "judges": ("agent/cms/signed.py", "import pyhanko.sign"),
    "validator": ("agent/validator/judging.py", "import agent.web.front.mount"),
    "service-alone": ("agent/commands/output.py", "import agent.validator.config"),
}


def lint_imports(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINTER, "--no-logo", "--no-cache", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_every_room_keeps_to_its_floor() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in done.stdout


@pytest.mark.parametrize("contract", [contract["id"] for contract in CONTRACTS])
def test_each_rule_sees_an_offence(contract: str, tmp_path: Path) -> None:
    for package in ("agent", "tray"):
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__", "node_modules", "static", "*.md"),
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    file, offence = OFFENCES[contract]
    with (tmp_path / file).open("a", encoding="utf-8") as source:
        source.write(f"\n\ndef offend() -> None:\n    {offence}\n")
    done = lint_imports(tmp_path, "--contract", contract)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "0 kept, 1 broken." in done.stdout


def test_every_room_has_a_floor() -> None:
    rooms = {path.parent.name for path in (ROOT / "agent").glob("*/__init__.py")}
    sources = {name for contract in CONTRACTS for name in contract.get("source_modules", ())}
    layers = {
        room.strip()
        for contract in CONTRACTS
        for room in ":".join(contract.get("layers", ())).replace("|", ":").split(":")
    }
    assert {f"agent.{room}" for room in rooms} <= sources | layers
