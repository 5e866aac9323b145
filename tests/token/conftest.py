from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.cards.pkcs11.module_client import TokenModule
from tests.token.token_support import (
    SOFTHSM,
    certificate,
    compiled_stub,
    hold,
    module_of,
    private_key,
)


@pytest.fixture(scope="session")
def stub_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stub module, compiled, with a key and a certificate beside it."""
    folder = tmp_path_factory.mktemp("stub")
    key = private_key("rsa2048")
    (folder / "stub.cer").write_bytes(certificate(key))
    (folder / "stub.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return compiled_stub(folder)


@pytest.fixture
def stub_log(tmp_path: Path) -> Path:
    return tmp_path / "stub.log"


@pytest.fixture
def stub(stub_file: Path, stub_log: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Set what is wrong with the stub module from its next start on; returns its file."""
    monkeypatch.setenv("STUB_CERT", str(stub_file.with_name("stub.cer")))
    monkeypatch.setenv("STUB_KEY", str(stub_file.with_name("stub.pem")))
    monkeypatch.setenv("STUB_LOG", str(stub_log))

    def behave(words: str) -> Path:
        monkeypatch.setenv("STUB", words)
        return stub_file

    return behave


@pytest.fixture
def stub_module(stub: Callable[[str], Path]) -> Iterator[Callable[..., TokenModule]]:
    """Make a client of the stub module with faults."""
    made = []

    def make(words: str = "", **more: float) -> TokenModule:
        made.append(module_of(stub(words), **more))
        return made[-1]

    yield make
    for module in made:
        module.close()


@pytest.fixture
def softhsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Make a SoftHSM token with keys; see :func:`tests.token.token_support.hold`."""
    if not SOFTHSM:
        pytest.skip("no SoftHSM here")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    return lambda *kinds, **usages: hold(tmp_path, kinds, **usages)


@pytest.fixture
def softhsm_module() -> Iterator[TokenModule]:
    module = module_of(SOFTHSM)
    yield module
    module.close()
