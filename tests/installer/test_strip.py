"""Anybody can take the signature off a program and sees whether it is the one that was built."""

import runpy
import shutil
import struct
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).resolve().parents[2] / "installer" / "release" / "strip.py"
HEAD, SECTION, NAME = 0x80, 0x200, "setup.exe"
Sign = Callable[[bytes], Path]


@pytest.fixture(scope="module")
def tool() -> dict[str, Any]:
    return runpy.run_path(str(TOOL))


def program(more: int) -> bytes:
    """Return a Windows program that does nothing, with some octets behind its one section."""
    content = bytearray(b"MZ" + bytes(SECTION - 2))
    struct.pack_into("<I", content, 0x3C, HEAD)
    content[HEAD : HEAD + 4] = b"PE\0\0"
    # COFF: x86-64, one section, the optional header's size, an executable.
    struct.pack_into("<HHIIIHH", content, HEAD + 4, 0x8664, 1, 0, 0, 0, 240, 0x22)
    optional = HEAD + 24
    struct.pack_into("<HBBIIIII", content, optional, 0x20B, 14, 0, 0x200, 0, 0, 0x1000, 0x1000)
    struct.pack_into("<QII", content, optional + 24, 0x140000000, 0x1000, 0x200)
    struct.pack_into(
        "<HHHHHHIIIIHH", content, optional + 40, 6, 0, 0, 0, 6, 0, 0, 0x2000, 0x200, 0, 3, 0
    )
    struct.pack_into("<QQQQII", content, optional + 72, 1 << 20, 4096, 1 << 20, 4096, 0, 16)
    content[optional + 240 : optional + 248] = b".text\0\0\0"
    struct.pack_into("<IIII", content, optional + 248, 0x200, 0x1000, 0x200, SECTION)
    return bytes(content) + b"\xc3" * 0x200 + bytes(range(1, more + 1))


def with_checksum(content: bytes, tool: dict[str, Any]) -> bytes:
    whole = bytearray(content)
    struct.pack_into("<I", whole, HEAD + 88, tool["checksum"](content))
    return bytes(whole)


@pytest.fixture(scope="module")
def sign(tmp_path_factory: pytest.TempPathFactory) -> Sign:
    if shutil.which("osslsigncode") is None or shutil.which("openssl") is None:
        pytest.skip("osslsigncode or openssl is not on this machine")
    folder = tmp_path_factory.mktemp("signer")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=Throw Away"]
    subprocess.run(
        [*command, "-addext", "extendedKeyUsage=codeSigning"], check=True, capture_output=True
    )

    def run(content: bytes) -> Path:
        plain, signed = folder / "plain.exe", folder / NAME
        plain.write_bytes(content)
        signed.unlink(missing_ok=True)
        words = ["osslsigncode", "sign", "-certs", certificate, "-key", key]
        subprocess.run([*words, "-in", plain, "-out", signed], check=True, capture_output=True)
        return signed

    return run


def sums(folder: Path, content: bytes) -> Path:
    path = folder / "UNSIGNED-SHA256SUMS"
    path.write_text(f"{'0' * 64}  other.exe\n{sha256(content).hexdigest()}  {NAME}\n")
    return path


@pytest.mark.parametrize("has_checksum", [True, False])
@pytest.mark.parametrize("more", [0, 1, 3, 7])
def test_signed_and_stripped_it_is_the_same_to_the_byte(
    sign: Sign, tool: dict[str, Any], tmp_path: Path, more: int, *, has_checksum: bool
) -> None:
    plain = with_checksum(program(more), tool) if has_checksum else program(more)
    signed = sign(plain)
    assert signed.read_bytes()[: len(plain)] != plain
    out = tmp_path / "out.exe"
    words = [str(signed), "--sums", str(sums(tmp_path, plain)), "--out", str(out)]
    assert tool["main"](words) == 0
    assert out.read_bytes() == plain


def test_a_program_that_was_changed_before_it_was_signed_is_another(
    sign: Sign, tool: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = program(3)
    signed = sign(plain.replace(b"\xc3\xc3", b"\x90\xc3", 1))
    out = tmp_path / "out.exe"
    words = [str(signed), "--sums", str(sums(tmp_path, plain)), "--out", str(out)]
    assert tool["main"](words) == 1
    assert "not what was built" in capsys.readouterr().err
    assert not out.exists()


def test_what_has_no_signature_is_not_stripped(
    sign: Sign, tool: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del sign  # osslsigncode is there
    path = tmp_path / NAME
    path.write_bytes(program(0))
    assert tool["main"]([str(path), "--out", str(tmp_path / "out")]) == 1
    assert f"took no signature off {NAME}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", [b"", b"MZ", b"MZ" + b"\xff" * 0x100, b"\xd0\xcf\x11\xe0" + bytes(600)]
)
def test_what_is_no_program_is_refused(
    tool: dict[str, Any], tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / NAME
    path.write_bytes(content)
    assert tool["main"]([str(path), "--out", str(tmp_path / "out")]) == 1
    assert "no Windows program" in capsys.readouterr().err


def test_a_list_that_does_not_name_it_is_no_comparison(
    sign: Sign, tool: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signed = sign(program(0))
    path = tmp_path / "SUMS"
    path.write_text(f"{'0' * 64}  other.exe\n")
    assert tool["main"]([str(signed), "--sums", str(path)]) == 1
    assert f"SUMS does not name {NAME}" in capsys.readouterr().err
