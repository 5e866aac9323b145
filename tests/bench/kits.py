"""How many logins a site's server verifies in a second of one core, with either judge of paths."""

import asyncio
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from agent.kits.vectors import cases, certificates
from agent.kits.vectors.__main__ import FOLDER, MANIFEST
from agent.pki.anchors import TrustStore
from agent.pki.path import ChainJudge, by_certvalidator
from agent.pki.revocation import FileSource
from agent.pki.webpki_judge import judge as by_webpki
from agent.relying import LoginVerifier

JUDGES = {"cryptography": by_webpki, "certvalidator": by_certvalidator}
BARE = 3  # signatures of a login: its own, its certificate's, its authority's


@dataclass(frozen=True)
class LoginCost:
    """Processor time of one login in seconds, all threads: the median over the rounds.

    Attributes:
        whole: of the whole check.
        bare: of three RSA verifications, measured in turns with it.

    """

    whole: float
    bare: float


def measure_logins(rounds: int, times: int) -> dict[str, LoginCost]:
    """Verify one login again and again with each judge, and its bare signatures in between."""
    verify = {name: _verification(judge, times) for name, judge in JUDGES.items()}
    bare = _bare(times)
    for each in (*verify.values(), bare):  # the first reads lists and loads parsers
        each()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in verify}
    for _ in range(rounds):
        for name, work in verify.items():
            found[name].append((_seconds(work) / times, _seconds(bare) / times))
    return {
        name: LoginCost(*(statistics.median(column) for column in zip(*pairs, strict=True)))
        for name, pairs in found.items()
    }


def _seconds(work: Callable[[], None]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _verification(judge: ChainJudge, times: int) -> Callable[[], None]:
    trust = json.loads((FOLDER / MANIFEST).read_text("ascii"))["trust"]
    files = {kind: [FOLDER / name for name in names] for kind, names in trust.items()}
    verifier = LoginVerifier(
        origins=[cases.ORIGIN],
        trust=TrustStore.load(files["roots"], files["cas"]),
        revocation=FileSource(files["crls"]),
        clock=lambda: certificates.AT,
    )
    verifier._certificates._judge = judge
    token = (FOLDER / "valid.der").read_bytes()

    async def verify() -> None:
        for _ in range(times):
            await verifier.verify(token, challenge=cases.CHALLENGE)

    return lambda: asyncio.run(verify())


def _bare(times: int) -> Callable[[], None]:
    signed = b"what is hashed"
    holders = (certificates.citizen(), certificates.authority(), certificates.root())
    keys = [
        (holder.key.public_key(), holder.key.sign(signed, PKCS1v15(), hashes.SHA256()))
        for holder in holders
    ]

    def verify() -> None:
        for _ in range(times):
            for key, signature in keys:
                key.verify(signature, signed, PKCS1v15(), hashes.SHA256())

    return verify
