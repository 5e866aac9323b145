"""OpenSSL as the judge of what a page was given."""

import subprocess
from pathlib import Path

from asn1crypto import cms


def signed_content(message: str, folder: Path, content: bytes | None = None) -> bytes:
    """Have OpenSSL verify a signed message in hex; return what was signed.

    Args:
        message: SignedData, DER in hex.
        folder: for its files.
        content: what was signed, where it does not stand in the message.

    """
    path = folder / "message.der"
    path.write_bytes(bytes.fromhex(message))
    command = ["openssl", "cms", "-verify", "-noverify", "-binary", "-inform", "DER"]
    if content is not None:
        (folder / "content").write_bytes(content)
        command += ["-content", str(folder / "content")]
    command += ["-in", str(path)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def digest_name(message: str) -> str:
    """Return the name of the digest algorithm of a signed message in hex."""
    (signer,) = cms.ContentInfo.load(bytes.fromhex(message))["content"]["signer_infos"]
    return str(signer["digest_algorithm"]["algorithm"].native)
