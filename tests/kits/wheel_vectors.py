"""Judge every vector with the installed package, and print one JSON object; a program.

Started with the folder into which the wheel was unpacked, and nothing of the checkout.
"""

import asyncio
import base64
import json
import sys
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from ankong_verify import (
    FileSource,
    LoginVerifier,
    Purpose,
    TrustStore,
    VerificationError,
)

VECTORS = Path(str(resources.files("ankong_verify"))) / "vectors"


async def judged(manifest: dict[str, Any], case: dict[str, Any]) -> str:
    facts = {**manifest, **{key: case[key] for key in case.keys() & manifest.keys()}}
    trust = {kind: [VECTORS / name for name in names] for kind, names in facts["trust"].items()}
    at = datetime.fromisoformat(facts["at"])
    padded = facts["challenge"] + "=" * (-len(facts["challenge"]) % 4)
    try:
        verifier = LoginVerifier(
            origins=facts["origins"],
            trust=TrustStore.load(trust["roots"], trust["cas"]),
            revocation=FileSource(trust["crls"]),
            clock=lambda: at,
        )
        await verifier.verify(
            (VECTORS / case["file"]).read_bytes(),
            challenge=base64.urlsafe_b64decode(padded),
            purpose=Purpose(facts["purpose"]),
        )
    except VerificationError as error:
        return error.code.value
    return "ok"


async def main() -> None:
    manifest = json.loads((VECTORS / "manifest.json").read_text("ascii"))
    cases = {name: case for name, case in manifest["cases"].items() if "steps" not in case}
    found = {name: await judged(manifest, case) for name, case in cases.items()}
    ours = sorted(name for name in sys.modules if name.partition(".")[0] == "agent")
    print(json.dumps({"found": found, "agent": ours}))  # noqa: T201


asyncio.run(main())
