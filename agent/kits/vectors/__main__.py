"""Write the test vectors anew."""

import json
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.cms.login import CONTENT_TYPE, challenge_text
from agent.kits.vectors.case import CHALLENGE, ORIGIN, PURPOSE, trusting
from agent.kits.vectors.cases import all_cases
from agent.kits.vectors.certificates import AT, citizen
from agent.kits.vectors.lists import trust_files

FOLDER: Final = Path(__file__).parent
MANIFEST: Final = "manifest.json"


def make_files() -> dict[str, bytes]:
    """Return every file of the vectors by its name; takes seconds."""
    cases = {case.name: case for case in all_cases()}
    files: dict[bytes, str] = {}  # some cases differ only in what the verifier is given
    for name, case in cases.items():
        files.setdefault(case.message, f"{name}.der")
    manifest = {
        "oid_der": CONTENT_TYPE.hex(),
        "at": AT.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "origin": ORIGIN,
        "origins": [ORIGIN],
        "challenge": challenge_text(CHALLENGE),
        "purpose": PURPOSE.value,
        **trusting(),
        "cases": {
            name: {
                "file": files[case.message],
                "expect": case.expect,
                "note": case.note,
                **case.instead,
            }
            for name, case in cases.items()
        },
    }
    return {
        MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode("ascii"),
        **trust_files(),
        "citizen.cer": citizen().der,
        "citizen.p8": citizen().rsa.private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
        ),
        **{name: message for message, name in files.items()},
    }


def main() -> None:
    """Write the files beside this one."""
    for name, content in make_files().items():
        (FOLDER / name).write_bytes(content)  # another way: a developer writes files of the tree


if __name__ == "__main__":
    main()
