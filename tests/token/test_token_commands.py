"""A token at the command line: ``ankong certificates`` and ``ankong sign contract.pdf``."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.history import store as history_store
from tests.documents import pdf_judges
from tests.documents.command_support import Person
from tests.documents.pdf_files import simple_pdf
from tests.token.token_support import HOLDER, PIN, SOFTHSM, HeldKey

SoftHsm = Callable[..., list[HeldKey]]


@pytest.fixture
def person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[object], Person]:
    """Somebody with a document, whose settings name a module."""
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "contract.pdf").write_bytes(simple_pdf("Contract"))

    def make(module: object) -> Person:
        who = Person(folder, monkeypatch, capsys)
        who.state.mkdir(mode=0o700)
        lines = f"pkcs11_modules = [{{ name = 'Mine', path = '{module}' }}]\n"
        (who.state / "config.toml").write_text(lines)
        return who

    return make


@pdf_judges.needs_pdfsig
@pytest.mark.parametrize("kind", ["rsa3072", "p256"])
def test_a_contract_is_signed_with_a_token(
    kind: str, softhsm: SoftHsm, person: Callable[[object], Person], tmp_path: Path
) -> None:
    softhsm(kind)
    who = person(SOFTHSM)
    listed = who.run("certificates", "--provider", "virtual", "--state-dir", str(who.state))
    assert (listed.status, listed.err) == (0, "")
    assert f"CN={HOLDER}" in listed.out
    assert "(Mine): SIGN" in listed.out
    said = who.sign("contract.pdf", typed=PIN.decode())
    assert (said.status, said.err) == (0, "")
    saved = who.folder / "contract-signed.pdf"
    (found,) = pdf_judges.pdfsig(saved)
    assert found["signature validation"] == "Signature is Valid."
    ((content, cms),) = pdf_judges.signed_parts(saved.read_bytes())
    assert pdf_judges.openssl_accepts(content, cms, tmp_path)
    (line,) = history_store.read(who.state / "history.sqlite")
    assert "(Mine)" in str(line.entry.reader)


def test_a_token_that_shows_nothing_is_told_of(
    stub: Callable[[str], Path], person: Callable[[object], Person], stub_log: Path
) -> None:
    who = person(stub("private"))
    said = who.run("certificates", "--provider", "virtual", "--state-dir", str(who.state))
    assert said.status == 1
    within = who.sign("contract.pdf", typed=PIN.decode())
    assert within.status == 1
    assert "--out NAME.p7m" in within.err
    assert "login" not in stub_log.read_text()
    beside = who.sign("contract.pdf", "--out", "contract.p7m", typed=PIN.decode())
    assert (beside.status, beside.err) == (0, "")
    assert stub_log.read_text().count("login") == 1
