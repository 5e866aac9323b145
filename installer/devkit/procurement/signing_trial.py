"""Sign the MSI as an agency would, with a key that is thrown away, and ask whether it holds."""

import shutil
import tempfile
from pathlib import Path

from devkit.procurement.claim_rows import ClaimRow, FactSheet, Status
from devkit.procurement.inputs import PackInputs
from devkit.proofs import sha256_of
from devkit.shell import output


def finding(inputs: PackInputs) -> FactSheet:
    """Return how each step of the trial ended."""
    files = inputs.built(".msi")
    if not files:
        return FactSheet(absent="no_msi")
    if shutil.which("osslsigncode") is None or shutil.which("openssl") is None:
        return FactSheet(absent="no_osslsigncode")
    with tempfile.TemporaryDirectory() as folder:
        ended = _try(files[0], Path(folder))
    printed = " ".join((output(["osslsigncode", "--version"]) or "").split()[:2]).rstrip(",")
    content = {
        "file": files[0].name,
        "sha256": sha256_of(files[0]),
        "tool": printed,
        "steps": ended,
    }
    evidence = (inputs.kept.keep_json("results/signing-trial.json", content, "osslsigncode"),)
    words = inputs.words["signing_steps"]
    rows = [
        ClaimRow((words[step],), Status.PASSED if ok else Status.FAILED, evidence)
        for step, ok in ended.items()
    ]
    values: dict[str, str | int] = {"tool": printed, "failed": sum(not ok for ok in ended.values())}
    return FactSheet(values, evidence, {"steps": rows})


def _try(msi: Path, folder: Path) -> dict[str, bool]:
    """Return which steps went well; a changed copy has to be refused."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    signed, changed = folder / "signed.msi", folder / "changed.msi"
    made = output(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "1"),
            *("-subj", "/CN=Trial", "-addext", "extendedKeyUsage=codeSigning"),
            *("-keyout", key, "-out", certificate),
        ]
    )
    words: list[str | Path] = ["osslsigncode", "sign", "-h", "sha256"]
    words += ["-certs", certificate, "-key", key]
    ended = {"key": made is not None}
    ended["sign"] = output([*words, "-in", msi, "-out", signed]) is not None
    check: list[str | Path] = ["osslsigncode", "verify", "-CAfile", certificate, "-in"]
    ended["verify"] = signed.is_file() and output([*check, signed]) is not None
    if signed.is_file():
        content = bytearray(signed.read_bytes())
        content[len(content) // 2] ^= 1
        changed.write_bytes(content)
    ended["refuse"] = changed.is_file() and output([*check, changed]) is None
    back = folder / "unsigned.msi"
    removed = output(["osslsigncode", "remove-signature", "-in", signed, "-out", back])
    told = _tables(msi)
    ended["tables"] = removed is not None and told is not None and told == _tables(signed)
    return ended


def _tables(path: Path) -> str | None:
    """Return what Windows Installer is told by an MSI; None where it cannot be read."""
    names = ("File", "Registry", "CustomAction")
    found = [output(["msiinfo", "export", path, name]) for name in names]
    return None if None in found else "".join(str(each) for each in found)
