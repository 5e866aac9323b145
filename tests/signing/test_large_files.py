"""Files of any length: handled piece by piece, or said to be too large before the PIN."""

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import new
from pathlib import Path

import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from agent import cli
from agent.cards.card import ID_SIGN
from agent.cms.digest import HashAlgorithm
from agent.cms.document import PIECE, Document
from agent.cms.login import RESERVED
from agent.errors import BadRequestError
from agent.signing.model import SignatureFormat, SignatureRequest
from agent.size_limits import MAX_ATTACHED_FILE, MAX_SIGNED_MESSAGE
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard

LENGTH = 100 * 1024 * 1024
BORDERS = (0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 7)
Run = Callable[..., int]


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    """Commands send the log to the standard error of the moment."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """Return what is typed as the PIN; where nothing was read of it nobody was asked."""
    line = io.BytesIO(b"123456\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(line))
    return line


@pytest.fixture
def run(tmp_path: Path, make_card: Callable[..., VirtualCard], typed: io.BytesIO) -> Run:
    """Sign a file; gives the exit status."""
    del typed
    card, state = tmp_path / "card.json", tmp_path / "state"
    cardfile.save(card, make_card().data)
    state.mkdir()

    def run_it(file: Path, format_: str) -> int:
        out = ("--out", str(file.with_suffix(".out")), "--pin-stdin", "--json")
        chosen = ("--virtual-card", str(card), "--state-dir", str(state), "--format", format_)
        return cli.run(["sign", str(file), *out, *chosen])

    return run_it


def sparse(path: Path, length: int) -> Path:
    """Make a file of zeros that takes no room."""
    with path.open("wb") as file:
        file.truncate(length)
    return path


@contextmanager
def held_at_most(limit: int) -> Iterator[None]:
    """Fail where more bytes than ``limit`` are held at once that were not held before."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.parametrize("length", BORDERS)
def test_piece_by_piece_is_the_same_digest(length: int, algorithm: HashAlgorithm) -> None:
    content = bytes(index % 251 for index in range(length))
    read = Document.read(io.BytesIO(content), algorithm)
    assert read.message_digest(algorithm) == Document(content).message_digest(algorithm)
    assert read.data is None


@pytest.mark.parametrize(
    "at", [0, 5, PIECE - len(RESERVED), PIECE - 7, PIECE - 1, PIECE, PIECE + 3]
)
@pytest.mark.parametrize("after", [0, 1, 2 * PIECE])
def test_what_could_pass_for_a_login_is_found_wherever_it_stands(at: int, after: int) -> None:
    content = bytes(at) + RESERVED + bytes(after)
    document = Document.read(io.BytesIO(content), HashAlgorithm.SHA256)
    with pytest.raises(BadRequestError):
        SignatureRequest((document,), format=SignatureFormat.PKCS1)
    assert SignatureRequest((document,), format=SignatureFormat.CMS_DETACHED)
    for cut in (content[1:] if not at else content[: at + len(RESERVED) - 1], bytes(len(content))):
        harmless = Document.read(io.BytesIO(cut), HashAlgorithm.SHA256)
        assert SignatureRequest((harmless,), format=SignatureFormat.PKCS1)


def test_what_comes_in_drips_is_searched_as_well() -> None:
    class Drip(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            del size
            return super().read(3)

    document = Document.read(Drip(b"x" + RESERVED + b"y"), HashAlgorithm.SHA256)
    assert document.holds_reserved()


def test_a_file_that_was_read_here_is_not_signed_unseen() -> None:
    read = Document.read(io.BytesIO(b"x"), HashAlgorithm.SHA256)
    given = Document(digest=bytes(32))
    assert not SignatureRequest((read,), format=SignatureFormat.PKCS1).is_blind
    assert SignatureRequest((read, given), format=SignatureFormat.PKCS1).is_blind


@pytest.mark.parametrize("format_", ["cms-detached", "pkcs1"])
def test_a_long_file_is_signed_and_checked_a_piece_at_a_time(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], format_: str
) -> None:
    file = sparse(tmp_path / "long.bin", LENGTH)
    with held_at_most(LENGTH // 4):
        assert run(file, format_) == 0
    capsys.readouterr()
    digest = new("sha256", bytes(LENGTH)).digest()
    signature = file.with_suffix(".out")
    if format_ == "pkcs1":
        signer_key(tmp_path).verify(signature.read_bytes(), digest, PKCS1v15(), Prehashed(SHA256()))
        return
    with held_at_most(LENGTH // 4):
        status = cli.run(["verify", str(signature), "--content", str(file), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (status, report["signature"]) == (3, "good")
    signed = report["signed"]
    assert (signed["content_length"], signed["content_sha256"]) == (LENGTH, digest.hex())
    with file.open("r+b") as other:
        other.seek(LENGTH - 1)
        other.write(b"!")
    assert cli.run(["verify", str(signature), "--content", str(file)]) == 1


def signer_key(folder: Path) -> RSAPublicKey:
    card = cardfile.load(folder / "card.json")
    certificate = next(each.der for each in card.data.certificates if each.id == ID_SIGN)
    key = x509.load_der_x509_certificate(certificate).public_key()
    assert isinstance(key, RSAPublicKey)
    return key


def test_too_large_to_be_contained_is_said_before_the_pin_is_asked(
    run: Run, tmp_path: Path, typed: io.BytesIO, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sparse(tmp_path / "long.bin", MAX_ATTACHED_FILE + 1)
    with held_at_most(MAX_ATTACHED_FILE // 4):
        assert run(file, "cms") == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["retriable"]) == ("too_large", False)
    assert str(MAX_ATTACHED_FILE) in error["message"]
    assert "--format cms-detached" in error["message"]
    assert typed.tell() == 0
    assert not file.with_suffix(".out").exists()


def test_the_longest_that_is_signed_is_verified(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # What is around the content grows by a few octets of lengths, and by nothing else.
    file = sparse(tmp_path / "long.bin", 2 * PIECE)
    assert run(file, "cms") == 0
    signature = file.with_suffix(".out")
    around = signature.stat().st_size - 2 * PIECE
    assert MAX_ATTACHED_FILE + 2 * around < MAX_SIGNED_MESSAGE
    assert cli.run(["verify", str(signature)]) == 3
    assert "not proven" in capsys.readouterr().out


def test_a_message_that_is_longer_is_called_too_large(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sparse(tmp_path / "message.p7m", MAX_SIGNED_MESSAGE + 1)
    assert cli.run(["verify", str(file)]) == 2
    assert "too_large" in capsys.readouterr().err


def test_content_that_cannot_be_read_is_no_broken_signature(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sparse(tmp_path / "short.bin", 10)
    assert run(file, "cms-detached") == 0
    capsys.readouterr()
    away = str(tmp_path / "away")
    assert cli.run(["verify", str(file.with_suffix(".out")), "--content", away]) == 2
    said = capsys.readouterr()
    assert not said.out
    assert f"{away}: there is no such file or folder" in said.err
