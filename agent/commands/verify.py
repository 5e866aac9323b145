"""``ankong verify``: whether a signature is good, and whose it is."""

import argparse
import asyncio
from datetime import UTC, datetime
from typing import Any

from agent.commands.output import say, say_json
from agent.pki.report import Inputs, verify_files


def verify(options: argparse.Namespace) -> int:
    """Check a signature; fail where it is invalid."""
    inputs = Inputs(
        message=options.file,
        content=options.content,
        anchors=options.anchors,
        intermediates=options.intermediates,
        crls=options.crl,
    )
    report = asyncio.run(verify_files(inputs, datetime.now(UTC)))
    if options.json:
        say_json(report)
    else:
        _say_verdict(report)
    return 1 if report["verdict"] == "invalid" else 0


def _say_verdict(report: dict[str, Any]) -> None:
    say(f"signature: {report['signature']}")
    if report["signature"] != "good":
        say(f"  {report['error']}")
        return
    signed, signer, chain = report["signed"], report["signer"], report["chain"]
    say(f"  by {signer['subject']}")
    say(f"  at {signed['signing_time']} by the signer's own clock, {signed['hash']}")
    say(f"certificate: {chain['status']}")
    if chain["status"] == "not_checked":
        say("  give --anchors, --intermediates and --crl to have it checked")
    elif chain["status"] == "unknown" and not chain["detail"]:
        say("  nobody said whether it is revoked; give the lists of its issuers with --crl")
    elif chain["detail"]:
        say(f"  {chain['detail']}")
