"""Measure the validation service; print a JSON table ``kits``: ``python -m tests.bench.service``.

What it is compared with is the library alone in one process, measured in turns with it, so that a
busy machine slows both. The list of revoked certificates has 200 000 entries.
"""

import argparse
import asyncio
import base64
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from agent.kits.vectors.__main__ import FOLDER, MANIFEST
from agent.kits.vectors.keys import make_key
from agent.pki.anchors import TrustStore
from agent.pki.revocation import FileSource
from agent.relying.login import LoginVerifier

ROOT = Path(__file__).resolve().parents[2]
FOUND = json.loads((FOLDER / MANIFEST).read_text("ascii"))
TOKEN = (FOLDER / FOUND["cases"]["valid"]["file"]).read_bytes()
CHALLENGE = base64.urlsafe_b64decode(FOUND["challenge"] + "=" * (-len(FOUND["challenge"]) % 4))
LISTED = 200_000
AT_ONCE = 4  # connections for each worker; its queue takes five requests


@dataclass(frozen=True)
class ServiceEffort:
    """How much is measured: rounds, seconds of each, and entries of the list."""

    rounds: int = 5
    seconds: float = 4.0
    listed: int = LISTED


@dataclass(frozen=True)
class Load:
    """What a load found.

    Attributes:
        rate: requests a second.
        taken: how long each took, in seconds.
        cpu: what each cost the processor, all workers' figures together, in seconds.

    """

    rate: float
    taken: list[float]
    cpu: float


def write_list(folder: Path, entries: int) -> Path:
    """Write the authority's list with so many revoked certificates, none of them the citizen's."""
    issuer = x509.load_der_x509_certificate((FOLDER / "ca.cer").read_bytes())
    now = datetime.now(UTC)
    revoked = [
        x509.RevokedCertificateBuilder()
        .serial_number(10**30 + number)
        .revocation_date(now - timedelta(days=1))
        .build()
        for number in range(entries)
    ]
    builder = x509.CertificateRevocationListBuilder(
        issuer.subject, now - timedelta(hours=1), now + timedelta(days=1), [], revoked
    )
    file = folder / "ca.crl"
    signed = builder.sign(make_key("authority"), hashes.SHA256())
    file.write_bytes(signed.public_bytes(Encoding.DER))
    return file


def write_config(folder: Path, lists: Sequence[Path], workers: int) -> Path:
    """Write the configuration of a service on any port."""
    file = folder / f"{workers}.toml"
    file.write_text(
        f'listen = "127.0.0.1:0"\nworkers = {workers}\norigins = {json.dumps(FOUND["origins"])}\n'
        f'[trust]\nroots = ["{FOLDER / "root.cer"}"]\nintermediates = ["{FOLDER / "ca.cer"}"]\n'
        f"[lists]\nfiles = {json.dumps([str(path) for path in lists])}\n"
    )
    return file


class ServiceCommand:
    """``ankong-verify serve`` in processes of its own, its log thrown away."""

    def __init__(self, config: Path) -> None:
        """Serve by a configuration."""
        self._config = config
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0
        self.pids: list[int] = []

    async def __aenter__(self) -> Self:
        """Start it, and wait until it is ready."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agent.validator", "serve", "--config", str(self._config)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self._process.stdout is not None
        ready = json.loads(await self._process.stdout.readline())
        self.port = int(ready["listen"][0].rpartition(":")[2])
        self.pids = ready["pids"]
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it."""
        assert self._process is not None
        self._process.terminate()
        await self._process.communicate()

    def memory(self) -> float | None:
        """Return the resident memory of the greatest worker in MB; None where nobody tells."""
        with suppress(OSError):
            texts = [Path(f"/proc/{pid}/statm").read_text() for pid in self.pids]
            pages = max(int(text.split()[1]) for text in texts)
            return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
        return None

    async def load(self, connections: int, seconds: float) -> Load:
        """Ask on so many connections at once, each as soon as it has its answer."""
        body = {"token": base64.b64encode(TOKEN).decode(), "challenge": FOUND["challenge"]}
        raw = json.dumps(body).encode()
        head = "POST /v1/login/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        request = f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw
        spent, begun = self._cpu(), time.perf_counter()
        end = begun + seconds
        asked = (self._ask(request, end) for _ in range(connections))
        taken = [each for one in await asyncio.gather(*asked) for each in one]
        rate = len(taken) / (time.perf_counter() - begun)
        return Load(rate, taken, (self._cpu() - spent) / max(len(taken), 1))

    def _cpu(self) -> float:
        """Return the processor's seconds of all workers."""
        ticks = 0
        for pid in self.pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    async def _ask(self, request: bytes, end: float) -> list[float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        taken: list[float] = []
        while (begun := time.perf_counter()) < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            answer = await reader.readexactly(length)
            if b'"accepted"' in answer:
                taken.append(time.perf_counter() - begun)
            elif not head.startswith(b"HTTP/1.1 503 "):  # full, which is an answer, and no verdict
                raise RuntimeError(answer.decode())
        writer.close()
        return taken


async def load_library(lists: Sequence[Path], seconds: float) -> Load:
    """Verify logins one after another with the library in this process."""
    trust = TrustStore.load([FOLDER / "root.cer"], [FOLDER / "ca.cer"])
    verifier = LoginVerifier(origins=FOUND["origins"], trust=trust, revocation=FileSource(lists))
    await verifier.verify(TOKEN, challenge=CHALLENGE)  # reads the lists
    taken: list[float] = []
    spent, begun = time.process_time(), time.perf_counter()
    while (now := time.perf_counter()) - begun < seconds:
        await verifier.verify(TOKEN, challenge=CHALLENGE)
        taken.append(time.perf_counter() - now)
    rate = len(taken) / (time.perf_counter() - begun)
    return Load(rate, taken, (time.process_time() - spent) / len(taken))


async def measure_service(folder: Path, effort: ServiceEffort) -> list[dict[str, Any]]:
    """Return the rows of the table."""
    lists = [FOLDER / "root.crl", write_list(folder, effort.listed)]
    loads: dict[int, list[Load]] = {0: [], 1: [], 2: []}
    memory: float | None = None
    for _ in range(effort.rounds):
        loads[0].append(await load_library(lists, effort.seconds))
        for workers in (1, 2):
            async with ServiceCommand(write_config(folder, lists, workers)) as service:
                await service.load(workers, effort.seconds / 8)  # warm
                loads[workers].append(await service.load(AT_ONCE * workers, effort.seconds))
                memory = service.memory()
    alone = loads[0]
    rows = [
        _row("library alone: rate", statistics.median(each.rate for each in alone), "logins/s"),
        _row("library alone: CPU", statistics.median(each.cpu for each in alone) * 1000, "ms"),
    ]
    for workers in (1, 2):
        rows += _rows_of(workers, loads[workers], alone)
    name = f"memory of a worker, {effort.listed} revoked"
    return [*rows, _row(name, memory, "MB", most=150)]


def _rows_of(workers: int, loads: Sequence[Load], alone: Sequence[Load]) -> list[dict[str, Any]]:
    name = f"service, {workers} worker{'s' if workers > 1 else ''}"
    pairs = list(zip(loads, alone, strict=True))
    rate = statistics.median(mine.rate / (its.rate * workers) for mine, its in pairs)
    cpu = statistics.median(its.cpu / mine.cpu for mine, its in pairs)
    times = sorted(each for load in loads for each in load.taken)
    return [
        _row(f"{name}: rate", statistics.median(each.rate for each in loads), "requests/s"),
        _row(f"{name}: rate over library x workers", rate, "ratio", least=0.6),
        _row(f"{name}: CPU of the library over its own", cpu, "ratio", least=0.6),
        _row(f"{name}: p50", times[len(times) // 2] * 1000, "ms"),
        _row(f"{name}: p99", times[len(times) * 99 // 100] * 1000, "ms"),
    ]


def _row(
    name: str,
    value: float | None,
    unit: str,
    *,
    least: float | None = None,
    most: float | None = None,
) -> dict[str, Any]:
    row: dict[str, Any] = {"measure": name, "value": value and round(value, 3), "unit": unit}
    if least is not None:
        row |= {"aim": f">= {least:g}", "met": value is not None and value >= least}
    if most is not None:
        row |= {"aim": f"<= {most:g}", "met": value is not None and value <= most}
    return row


def main() -> int:
    """Measure and print; return the exit status, which does not judge the figures."""
    parser = argparse.ArgumentParser(description="measure the validation service")
    parser.add_argument("--short", action="store_true", help="a few seconds, to see that it works")
    effort = ServiceEffort(1, 0.4, 1000) if parser.parse_args().short else ServiceEffort()
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(measure_service(Path(folder), effort))
    sys.stdout.write(json.dumps({"kits": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
