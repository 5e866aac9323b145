"""What dnf and zypper read: the metadata that createrepo_c makes, and rpm's signed headers."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from release.openpgp import TwinKey, armoured
from release.repository_package import RepositoryPackage, tool

SIGNER: Final = Path(__file__).with_name("rpm_signer.py")


def is_signed(rpm: Path, keys: Sequence[TwinKey]) -> bool:
    """Return whether the signature in a package says that it is by one of these keys.

    Raises:
        RepositoryError: rpm cannot read it.

    """
    words = ("rpm", "--query", "--nosignature", "--queryformat", "%{DSAHEADER:pgpsig}", "--package")
    _, _, signer = tool(*words, rpm).rpartition("Key ID ")
    return signer.strip().lower() in {key.fingerprint[-8:].hex() for key in keys}


def sign_header(rpm: Path, key: TwinKey, when: int) -> None:
    """Have rpmsign put a signature into a package; ``rpmsign --delsign`` takes it out again.

    Args:
        rpm: the package, which is changed.
        key: that signs.
        when: it is signed, in seconds since 1970.

    Raises:
        RepositoryError: rpmsign failed.

    """
    # rpm would run GnuPG, and knows how to run another program in its place. Some of its versions
    # take the second word for the program's own name, and some for its first argument: env likes
    # both.
    files = '"%{__plaintext_filename}" "%{__signature_filename}"'
    command = f'/usr/bin/env env "{sys.executable}" "{SIGNER}" {files}'
    define = {"__gpg_sign_cmd": command, "_gpg_name": key.fingerprint.hex()}
    words = [f"--define={name} {value}" for name, value in define.items()]
    environment = {**os.environ, "ANKONG_RELEASE_KEY": key.pem().decode()}
    environment |= {"SOURCE_DATE_EPOCH": str(when), "ANKONG_RELEASE_PASSPHRASE": ""}
    tool("rpmsign", *words, "--addsign", rpm, env=environment)


def write(
    root: Path, packages: Sequence[RepositoryPackage], keys: Sequence[TwinKey], when: int
) -> None:
    """Write the metadata of the packages, which lie in their places already.

    Args:
        root: of the repository.
        packages: of every kind.
        keys: that sign; without one there is no signature.
        when: it is signed, in seconds since 1970; also the age of every file.

    Raises:
        RepositoryError: createrepo_c failed.

    """
    rpms = [package for package in packages if package.kind == "rpm"]
    for architecture in sorted({package.architecture for package in rpms}):
        folder = root / "rpm" / architecture
        for path in folder.glob("*.rpm"):
            os.utime(path, (when, when))
        told = ("--revision", str(when), "--set-timestamp-to-revision")
        tool("createrepo_c", "--quiet", "--no-database", "--checksum", "sha256", *told, folder)
        index = folder / "repodata" / "repomd.xml"
        if keys:
            made = b"".join(key.detached(index.read_bytes(), when) for key in keys)
            index.with_name("repomd.xml.asc").write_bytes(armoured("SIGNATURE", made))


def definition(address: str, *, signed: bool) -> str:
    """Return the file for ``/etc/yum.repos.d``.

    Args:
        address: of the repository.
        signed: whether packages and metadata are.

    """
    check = "1" if signed else "0"
    lines = [
        "[ankong]",
        "name=Ankong",
        f"baseurl={address}rpm/$basearch",
        "enabled=1",
        f"gpgcheck={check}",
        f"repo_gpgcheck={check}",
        *([f"gpgkey={address}ankong.asc"] if signed else []),
        "",
    ]
    return "\n".join(lines)
