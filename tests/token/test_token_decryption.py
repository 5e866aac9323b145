"""What others encrypt for the key of a token: opened with it, and never with a key that signs."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from agent.cards.card import ID_KEYX, ID_SIGN
from agent.cards.pkcs11.cryptoki_types import TokenFlag
from agent.cards.pkcs11.module_client import ModuleFile, TokenModule, TokenRefusalError
from agent.cards.pkcs11.token_card import TokenCard
from agent.cards.pkcs11.token_wire import (
    DecryptWithToken,
    Reason,
    TokenCertificate,
    TokenContents,
    TokenSignatures,
    TokenState,
)
from agent.errors import ErrorCode
from agent.origin import LOCAL_USER
from agent.signing.model import DecryptFormat, DecryptionRequest
from tests.token.token_service import ONE, calls, code_of, service_with, softhsm_service
from tests.token.token_support import HOLDER, HeldKey, certificate, only_token, private_key, secret

SoftHsm = Callable[..., list[HeldKey]]
SECRET = "只有收件人看得到".encode()
FOR_KEYS = {"digital_signature": False, "key_encipherment": True}


def sealed(folder: Path, certificate: bytes) -> bytes:
    """Encrypt with OpenSSL, the key by OAEP."""
    pem = load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)
    (folder / "recipient.pem").write_bytes(pem)
    command = ["openssl", "cms", "-encrypt", "-binary", "-aes256", "-outform", "DER"]
    command += ["-recip", "recipient.pem", "-keyopt", "rsa_padding_mode:oaep"]
    done = subprocess.run(command, cwd=folder, input=SECRET, check=True, capture_output=True)
    return done.stdout


def encrypted(certificate: bytes) -> bytes:
    key = load_der_x509_certificate(certificate).public_key()
    assert isinstance(key, RSAPublicKey)
    return key.encrypt(SECRET, PKCS1v15())


@pytest.mark.parametrize("private", [False, True], ids=["shown", "hidden"])
async def test_what_is_encrypted_for_a_token_is_opened(
    private: bool, softhsm: SoftHsm, tmp_path: Path
) -> None:
    (held,) = softhsm("rsa2048!", private=private, **FOR_KEYS)
    message = DecryptionRequest(sealed(tmp_path, held.certificate), DecryptFormat.CMS)
    bare = DecryptionRequest(encrypted(held.certificate), DecryptFormat.PKCS1)
    async with softhsm_service() as service:
        for request in (message, bare):
            typed = secret()
            assert await service.decrypt(LOCAL_USER, request, typed) == SECRET
            assert typed.wiped
        other = DecryptionRequest(bytes(len(bare.data)), DecryptFormat.PKCS1)
        code, _ = await code_of(service.decrypt(LOCAL_USER, other, secret()))
        assert code is ErrorCode.NOT_DECRYPTABLE
        code, _ = await code_of(service.decrypt(LOCAL_USER, bare, secret(b"000000")))
        assert code is ErrorCode.PIN_INCORRECT
        code, _ = await code_of(service.sign(LOCAL_USER, ONE, secret()))
        assert code is ErrorCode.KEY_NOT_FOUND


async def test_a_key_that_signs_decrypts_nothing(
    stub: Callable[[str], Path], stub_file: Path, stub_log: Path
) -> None:
    request = DecryptionRequest(
        encrypted(stub_file.with_name("stub.cer").read_bytes()), DecryptFormat.PKCS1
    )
    async with service_with(stub("")) as service:
        code, _ = await code_of(service.decrypt(LOCAL_USER, request, secret()))
    assert code is ErrorCode.KEY_NOT_FOUND
    assert "login" not in calls(stub_log)


@pytest.mark.parametrize("name", [b"\1", b"\2"], ids=["of the same key", "of another key"])
def test_a_key_signs_where_one_certificate_says_so(
    name: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a key that does both, whoever has something decrypted could have it sign."""
    key = private_key("rsa2048")
    state = TokenState(0, b"", bytes(96), TokenFlag(0), 4, 8)
    signing = TokenCertificate(b"\1", b"", certificate(key))
    opening = TokenCertificate(name, b"", certificate(key, HOLDER, **FOR_KEYS))
    module = TokenModule(ModuleFile("None", "/nowhere"))
    contents = TokenContents(state, (signing, opening))
    monkeypatch.setattr(TokenModule, "ask", lambda *_: contents)
    found = [each.id for each in TokenCard(module, state).certificates()]
    assert found == [ID_SIGN, b"01" if name == b"\1" else ID_KEYX]


def test_a_module_need_not_decrypt(stub_module: Callable[..., TokenModule]) -> None:
    module = stub_module()
    token = only_token(module)
    request = DecryptWithToken(token.slot, token.identity, b"\1", (bytes(256),))
    with pytest.raises(TokenRefusalError) as caught:
        module.ask(request, TokenSignatures, secret())
    assert caught.value.refusal.reason is Reason.FAILED
