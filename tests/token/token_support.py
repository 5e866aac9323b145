"""Tokens for tests: SoftHSM's, and those of a stub module in C that is made here."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from agent.cards.pkcs11.module_client import ModuleFile, TokenModule
from agent.cards.pkcs11.token_wire import ListSlots, SlotList, TokenState
from agent.secret import SecretBytes

STUB_SOURCE = Path(__file__).with_name("stub_module.c")
SOFTHSM = next(
    (
        path
        for path in (
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/local/lib/softhsm/libsofthsm2.so",
            "/opt/homebrew/lib/softhsm/libsofthsm2.so",
        )
        if Path(path).exists()
    ),
    "",
)
PIN = b"654321"
HOLDER = "王測試"


def secret(octets: bytes = PIN) -> SecretBytes:
    return SecretBytes(bytearray(octets))


def private_key(kind: str) -> Any:
    """Generate a key: rsa2048, rsa3072, p256, p384."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[kind])


def certificate(key: Any, holder: str = HOLDER, **usages: bool) -> bytes:
    """Issue a certificate to a key by itself, DER; digitalSignature unless ``usages`` say more."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, holder)])
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    wanted = {"digital_signature": True, **usages}
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.KeyUsage(**{each: wanted.get(each, False) for each in names}), True)
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.DER)


@dataclass(frozen=True)
class HeldKey:
    """A key on a token."""

    kind: str
    certificate: bytes
    id: str = "01"
    always: bool = False


def hold(
    folder: Path, kinds: Iterable[str], *, private: bool = False, **usages: bool
) -> list[HeldKey]:
    """Make a SoftHSM token with keys; ``kind!`` always wants the PIN.

    Where ``private``, the certificates are shown after a login alone.

    The environment has to name ``folder/softhsm2.conf`` as SOFTHSM2_CONF.
    """
    tokens = folder / "tokens"
    tokens.mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {tokens}\nlog.level = ERROR\n")
    _run(
        "softhsm2-util",
        "--init-token",
        "--free",
        "--label",
        "Token",
        "--pin",
        PIN.decode(),
        "--so-pin",
        "12345678",
    )
    held, hidden = [], []
    for number, kind in enumerate(kinds, 1):
        key = private_key(kind.rstrip("!"))
        each = HeldKey(
            kind.rstrip("!"), certificate(key, **usages), f"{number:02x}", kind.endswith("!")
        )
        key_file, certificate_file = folder / f"{number}.key", folder / f"{number}.cer"
        form = (
            PrivateFormat.TraditionalOpenSSL
            if isinstance(key, ec.EllipticCurvePrivateKey)
            else PrivateFormat.PKCS8
        )
        key_file.write_bytes(key.private_bytes(Encoding.DER, form, NoEncryption()))
        certificate_file.write_bytes(each.certificate)
        always = ("--always-auth",) if each.always else ()
        use = "--usage-decrypt" if usages.get("key_encipherment") else "--usage-sign"
        _write(key_file, "privkey", each.id, use, *always)
        if private:
            hidden += [str(certificate_file), each.id]
        else:
            _write(certificate_file, "cert", each.id)
        held.append(each)
    if hidden:
        program = (sys.executable, "-m", "tests.token.private_certificates")
        _run(*program, SOFTHSM, PIN.decode(), *hidden)
    return held


def _write(file: Path, kind: str, name: str, *more: str) -> None:
    words = ("--write-object", str(file), "--type", kind, "--id", name, "--label", f"Key {name}")
    _run("pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", PIN.decode(), *words, *more)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"


def compiled_stub(folder: Path) -> Path:
    """Compile the stub module, or skip the test."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or os.name == "nt":
        pytest.skip("no C compiler here to make the stub module with")
    made = folder / "stub_module.so"
    _run(compiler, "-shared", "-fPIC", "-O1", "-w", "-o", str(made), str(STUB_SOURCE))
    return made


def only_token(module: TokenModule) -> TokenState:
    (token,) = module.ask(ListSlots(), SlotList).tokens
    return token


def module_of(path: object, **more: float) -> TokenModule:
    return TokenModule(ModuleFile("Test", str(path)), **more)
