"""The whole program, with a card in a reader whose name is not ASCII."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from agent.errors import ServiceUnavailableError
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.pcscd import PrivatePcscd
from agent.virtualcard.vpcd import VpcdConnection

pytestmark = pytest.mark.pcsc
CardFactory = Callable[..., VirtualCard]

UNTIL_INSERTED = """
from agent.transport.pcsc import PcscProvider
provider = PcscProvider()
states = provider.readers()
while not states[0].present:
    states = provider.wait(states, 60)
"""


@pytest.fixture(params=["讀卡機 A", "讀卡機 ＠"])
def pcscd(request: pytest.FixtureRequest) -> Iterator[PrivatePcscd]:
    try:
        with PrivatePcscd(request.param) as pcscd:
            yield pcscd
    except ServiceUnavailableError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(f"no private pcscd here: {error}")


@pytest.mark.parametrize("language", ["C", "C.UTF-8"])
def test_certificates_are_listed(
    pcscd: PrivatePcscd, make_card: CardFactory, language: str
) -> None:
    door = VpcdConnection(make_card("gen1"), "127.0.0.1", pcscd.ports[0])
    door.start()
    try:
        _python(pcscd, language, "-c", UNTIL_INSERTED)
        told = _python(pcscd, language, "-m", "agent", "certificates")
        assert told.startswith(f"{pcscd.readers[0]}: ")
        told = _python(
            pcscd,
            language,
            *("-m", "agent", "certificates"),
            "--json",
            "--reader",
            pcscd.readers[0],
        )
        found = json.loads(told)["certificates"]
        assert {"SIGN", "KEYX"} <= {certificate["id"] for certificate in found}
        assert {certificate["reader"] for certificate in found} == {pcscd.readers[0]}
    finally:
        door.remove()


def _python(pcscd: PrivatePcscd, language: str, *arguments: str) -> str:
    """Run Python in a process of its own, which meets this daemon; return what it prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **pcscd.environment(), "LC_ALL": language},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()
