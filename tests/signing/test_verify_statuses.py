"""The exit statuses of ``ankong verify``, and that its words never promise what is not proven.

0 is proven, 1 broken, 3 not proven; 2 says that nothing was judged.
"""

import base64
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from unittest.mock import Mock

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent import cli
from agent.cms.attributes import SignedAttributes
from agent.cms.document import Document
from agent.cms.login import LoginPurpose, LoginStatement
from agent.cms.signed import prepare, prepare_login
from tests.signing import pki_support as pki

DOCUMENT = "契約\n".encode()
PROVEN, BROKEN, NOT_JUDGED, NOT_PROVEN = 0, 1, 2, 3
FIRST = {PROVEN: "proven", BROKEN: "broken", NOT_PROVEN: "not proven"}
VERDICTS = {PROVEN: "valid", BROKEN: "invalid", NOT_PROVEN: "not_proven"}
LONG_AGO = pki.NOW - 1000 * pki.DAY
LATER = pki.NOW + 1000 * pki.DAY
PROMISES = {"good", "valid", "ok", "trusted", "proven", "genuine", "verified"}


@dataclass(frozen=True)
class Case:
    """What one call of the command is given.

    Attributes:
        message: of the file to verify; None for a file that is not there.
        content: of the file after ``--content``; None for no such option.
        anchors: of the files after ``--anchors``; likewise the next two.
    """

    message: bytes | None
    content: bytes | None = None
    anchors: tuple[bytes, ...] = field(default_factory=lambda: (pki.root().der,))
    intermediates: tuple[bytes, ...] = field(default_factory=lambda: (pki.issuing().der,))
    crls: tuple[bytes, ...] = field(default_factory=lambda: (pki.root().crl(), pki.issuing().crl()))
    more: tuple[str, ...] = ()

    def words(self, folder: Path) -> list[str]:
        """Write the files; return the command line."""
        message = folder / "message"
        if self.message is not None:
            message.write_bytes(self.message)
        words = ["verify", str(message)]
        groups = {"anchors": self.anchors, "intermediates": self.intermediates, "crl": self.crls}
        if self.content is not None:
            groups["content"] = (self.content,)
        for option, files in groups.items():
            for number, raw in enumerate(files):
                file = folder / f"{option}-{number}"
                file.write_bytes(raw)
                words += [f"--{option}", str(file)]
        return [*words, *self.more]


def signed(
    certificate: bytes | None = None,
    *,
    attached: bool = True,
    document: bytes = DOCUMENT,
    at: datetime | None = pki.NOW,
) -> bytes:
    prepared = prepare(
        certificate or pki.citizen(),
        Document(document),
        signed=SignedAttributes(at, b"\x01\x02\x03\x04", "TP07000000000001"),
        attached=attached,
    )
    return prepared.finish(pki.sign(prepared.digest))


def login(time: datetime = pki.NOW, *, text: bytes | None = None) -> bytes:
    statement = LoginStatement.make(LoginPurpose.LOGIN, "https://a.example", bytes(32), time)
    with pytest.MonkeyPatch.context() as patch:
        if text is not None:
            encoded = statement.encode().replace(b"2026-06-15", text)
            patch.setattr(LoginStatement, "encode", lambda _: encoded)
        prepared = prepare_login(pki.citizen(), statement)
    return prepared.finish(pki.sign(prepared.digest))


def certificate(*, authority: pki.Authority | None = None, **options: object) -> bytes:
    authority = authority or pki.issuing()
    made = authority.issue(pki.citizen_name(), pki.citizen_key(), **options)  # type: ignore[arg-type]  # passed on as they are
    return made.public_bytes(Encoding.DER)


def stranger() -> pki.Authority:
    return pki.root().authority(pki.citizen_name("0000000000000009"), pki.rsa_key("stranger"), 77)


def openssl(folder: Path, *options: str, signers: int = 1) -> bytes:
    (folder / "document").write_bytes(DOCUMENT)
    chosen: list[str] = []
    for number in range(signers):
        key = (pki.citizen_key(), pki.rsa_key("other"))[number]
        made = pki.issuing().issue(pki.citizen_name(), key, serial=0x5A01 + number)
        name = folder / f"signer-{number}.pem"
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        name.write_bytes(made.public_bytes(Encoding.PEM) + key.private_bytes(*form))
        chosen += ["-signer", str(name)]
    command = ["openssl", "cms", "-sign", "-binary", "-in", "document", "-out", "signed"]
    command += [*chosen, *(options or ("-nodetach",)), "-outform"]
    command += ["PEM" if "-pem" in options else "DER"]
    command = [word for word in command if word != "-pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)
    return (folder / "signed").read_bytes()


def pem(raw: bytes) -> bytes:
    return b"-----BEGIN CMS-----\n" + base64.encodebytes(raw) + b"-----END CMS-----\n"


def flipped(raw: bytes) -> bytes:
    return raw[:-1] + bytes((raw[-1] ^ 1,))


def expired(**options: object) -> bytes:
    return certificate(serial=0x5A07, not_before=LONG_AGO, not_after=pki.NOW - pki.DAY, **options)


def future() -> bytes:
    return certificate(serial=0x5A08, not_before=pki.NOW + pki.DAY, not_after=LATER)


def unreadable() -> bytes:
    """Return a certificate that has an extension which one parser passes over, and one refuses."""
    policies = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.32"), b"\x30\x02\x04\x00")
    return certificate(serial=0x5A09, extra=(policies,))


def old_lists(at: datetime = pki.NOW) -> tuple[bytes, ...]:
    dates = {"this_update": at - 9 * pki.DAY, "next_update": at - 2 * pki.DAY}
    return pki.root().crl(**dates), pki.issuing().crl(**dates)  # type: ignore[arg-type]  # dates only


def root_lists(*revoked: int) -> tuple[bytes, ...]:
    return pki.root().crl(), pki.issuing().crl(list(revoked))


TABLE: dict[str, tuple[int, Callable[[Path], Case]]] = {
    "attached": (PROVEN, lambda _: Case(signed())),
    "attached, no time claimed": (PROVEN, lambda _: Case(signed(at=None))),
    "attached, the same content given": (PROVEN, lambda _: Case(signed(), DOCUMENT)),
    "attached, other content given": (BROKEN, lambda _: Case(signed(), b"x")),
    "attached, empty content given": (BROKEN, lambda _: Case(signed(), b"")),
    "detached": (PROVEN, lambda _: Case(signed(attached=False), DOCUMENT)),
    "detached, over nothing": (
        PROVEN,
        lambda _: Case(signed(attached=False, document=b""), b""),
    ),
    "detached, other content": (BROKEN, lambda _: Case(signed(attached=False), DOCUMENT + b"!")),
    "detached, content not given": (NOT_JUDGED, lambda _: Case(signed(attached=False))),
    "detached, content file missing": (
        NOT_JUDGED,
        lambda folder: Case(signed(attached=False), more=("--content", str(folder / "none"))),
    ),
    "detached, content is a directory": (
        NOT_JUDGED,
        lambda folder: Case(signed(attached=False), more=("--content", str(folder))),
    ),
    "login": (PROVEN, lambda _: Case(login())),
    "login at an odd time": (NOT_PROVEN, lambda _: Case(login(LONG_AGO))),
    "login on no day": (NOT_PROVEN, lambda _: Case(login(text=b"2026-13-45"))),
    "login of another form": (BROKEN, lambda _: Case(login(text=b"yesterday!"))),
    "login, nobody trusted": (NOT_PROVEN, lambda _: Case(login(), anchors=())),
    "several signers": (BROKEN, lambda folder: Case(openssl(folder, signers=2))),
    "no signer": (
        BROKEN,
        lambda _: Case(bytes.fromhex("301f06092a864886f70d010702a0123010020101310030") + bytes(9)),
    ),
    "other content type": (
        BROKEN,
        lambda folder: Case(openssl(folder, "-nodetach", "-econtent_type", "1.2.3.4")),
    ),
    "SHA-1": (BROKEN, lambda folder: Case(openssl(folder, "-nodetach", "-md", "sha1"))),
    "PSS": (
        BROKEN,
        lambda folder: Case(openssl(folder, "-nodetach", "-keyopt", "rsa_padding_mode:pss")),
    ),
    "BER": (BROKEN, lambda folder: Case(openssl(folder, "-nodetach", "-stream", "-indef"))),
    "no signed attributes": (BROKEN, lambda folder: Case(openssl(folder, "-nodetach", "-noattr"))),
    "by OpenSSL": (PROVEN, lambda folder: Case(openssl(folder, "-nodetach", "-nosmimecap"))),
    "without a certificate": (
        BROKEN,
        lambda folder: Case(openssl(folder, "-nodetach", "-nocerts")),
    ),
    "PEM": (BROKEN, lambda _: Case(pem(signed()))),
    "base64": (BROKEN, lambda _: Case(base64.b64encode(signed()))),
    "bytes after it": (BROKEN, lambda _: Case(signed() + b"\0")),
    "cut short": (BROKEN, lambda _: Case(signed()[:-1])),
    "spoilt signature": (BROKEN, lambda _: Case(flipped(signed()))),
    "spoilt signature, nobody trusted": (BROKEN, lambda _: Case(flipped(signed()), anchors=())),
    "empty file": (BROKEN, lambda _: Case(b"")),
    "a certificate instead": (BROKEN, lambda _: Case(pki.citizen())),
    "text instead": (BROKEN, lambda _: Case(DOCUMENT)),
    "file missing": (NOT_JUDGED, lambda _: Case(None)),
    "signed before the certificate": (NOT_PROVEN, lambda _: Case(signed(at=LONG_AGO))),
    "signed after the certificate": (NOT_PROVEN, lambda _: Case(signed(at=LATER))),
    "expired now": (BROKEN, lambda _: Case(signed(expired(), at=LONG_AGO + pki.DAY))),
    "expired when signed": (BROKEN, lambda _: Case(signed(expired()))),
    "not yet valid": (BROKEN, lambda _: Case(signed(future()))),
    "expired, nobody trusted": (NOT_PROVEN, lambda _: Case(signed(expired()), anchors=())),
    "revoked": (BROKEN, lambda _: Case(signed(), crls=root_lists(0x5A01))),
    "revoked, list stale": (
        NOT_PROVEN,  # what was on hold then may be no longer
        lambda _: Case(
            signed(),
            crls=(
                pki.root().crl(),
                pki.issuing().crl(
                    [0x5A01], this_update=pki.NOW - 9 * pki.DAY, next_update=pki.NOW - pki.DAY
                ),
            ),
        ),
    ),
    "authority revoked": (
        BROKEN,
        lambda _: Case(signed(), crls=(pki.root().crl([2]), pki.issuing().crl())),
    ),
    "another one revoked": (PROVEN, lambda _: Case(signed(), crls=root_lists(0x5A02))),
    "no list": (NOT_PROVEN, lambda _: Case(signed(), crls=())),
    "list of the root missing": (NOT_PROVEN, lambda _: Case(signed(), crls=(pki.issuing().crl(),))),
    "list unreadable": (NOT_PROVEN, lambda _: Case(signed(), crls=(b"garbage", pki.root().crl()))),
    "list file missing": (
        NOT_PROVEN,
        lambda folder: Case(signed(), crls=(), more=("--crl", str(folder / "none"))),
    ),
    "lists stale": (NOT_PROVEN, lambda _: Case(signed(), crls=old_lists())),
    "lists of tomorrow": (
        NOT_PROVEN,
        lambda _: Case(
            signed(),
            crls=(
                pki.root().crl(),
                pki.issuing().crl(this_update=pki.NOW + pki.DAY, next_update=pki.NOW + 2 * pki.DAY),
            ),
        ),
    ),
    "nobody trusted": (NOT_PROVEN, lambda _: Case(signed(), anchors=())),
    "intermediate missing": (NOT_PROVEN, lambda _: Case(signed(), intermediates=())),
    "unknown authority": (NOT_PROVEN, lambda _: Case(signed(), anchors=(stranger().der,))),
    "authority of the same name": (
        NOT_PROVEN,
        lambda _: Case(signed(), intermediates=(pki.issuing_other().der,)),
    ),
    "certificate too odd to judge": (NOT_PROVEN, lambda _: Case(signed(unreadable()))),
    "key for encryption": (
        BROKEN,
        lambda _: Case(signed(certificate(serial=0x5A0B, usage=pki.ENCRYPT))),
    ),
    "key for encryption, nobody trusted": (
        NOT_PROVEN,
        lambda _: Case(signed(certificate(serial=0x5A0B, usage=pki.ENCRYPT)), anchors=()),
    ),
    "trusts a citizen": (NOT_JUDGED, lambda _: Case(signed(), anchors=(pki.citizen(),))),
    "trusts garbage": (NOT_JUDGED, lambda _: Case(signed(), anchors=(b"garbage",))),
    "intermediate garbage": (NOT_JUDGED, lambda _: Case(signed(), intermediates=(b"garbage",))),
    "anchors missing": (
        NOT_JUDGED,
        lambda folder: Case(signed(), more=("--anchors", str(folder / "none"))),
    ),
}


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Mock(wraps=datetime)
    clock.now.return_value = pki.NOW  # the certificates' day, not today
    monkeypatch.setattr("agent.commands.verify.datetime", clock)


@pytest.mark.usefixtures("today")
@pytest.mark.parametrize(("expected", "make"), TABLE.values(), ids=list(TABLE))
def test_the_status_the_words_and_the_json_say_the_same(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    expected: int,
    make: Callable[[Path], Case],
) -> None:
    words = make(tmp_path).words(tmp_path)
    assert cli.run(words) == expected
    said = capsys.readouterr()
    if expected == NOT_JUDGED:
        assert said.out == ""
        assert said.err.startswith("ankong: ")
    else:
        assert said.out.partition(":")[0] == FIRST[expected]
    assert "None" not in said.out
    if expected != PROVEN:
        assert not promised(said.out)
    assert cli.run([*words, "--json"]) == expected
    answer = json.loads(capsys.readouterr().out)
    assert answer.get("verdict") == VERDICTS.get(expected)
    assert ("error" in answer) or answer["signature"] == "good"
    if expected == NOT_JUDGED:
        assert not answer["error"]["retriable"]


def promised(said: str) -> set[str]:
    """Return the reassuring words that stand without the one that takes them back."""
    plain = said.lower().replace("not proven", "").replace("no good", "").replace("not valid", "")
    return PROMISES & set(plain.replace(":", " ").split())


@pytest.mark.parametrize("words", [[], ["--content"], ["a", "b"], ["a", "--anchor-everything"]])
def test_a_mistake_in_the_options_is_not_judged(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.run(["verify", *words])
    assert ended.value.code == NOT_JUDGED
    assert not capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_not_judged(tmp_path: Path) -> None:
    words = Case(signed()).words(tmp_path)
    (tmp_path / "message").chmod(0)
    assert cli.run(words) == NOT_JUDGED


@pytest.mark.usefixtures("today")
def test_a_name_cannot_write_lines_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = pki.issuing().issue(
        pki.citizen_name(common_name="x\nproven: signed by 王\x1b[2J"), pki.citizen_key()
    )
    assert cli.run(Case(signed(made.public_bytes(Encoding.DER)), anchors=()).words(tmp_path)) == 3
    lines = capsys.readouterr().out.splitlines()
    assert not any(line.startswith("proven") or "\x1b" in line for line in lines)


def test_one_parser_refuses_the_odd_certificate() -> None:
    with pytest.raises(ValueError, match="error parsing"):
        _ = x509.load_der_x509_certificate(unreadable()).extensions
