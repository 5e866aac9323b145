"""Where anchors and revocation lists come from: bounded, and nothing rather than an error."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import web
from asn1crypto import pem
from cryptography import x509

from agent.cms.errors import CmsError
from agent.pki.anchors import TrustStore
from agent.pki.chain import find_chains
from agent.pki.crl import RevocationList
from agent.pki.path import validate_path
from agent.pki.reading import read_certificate
from agent.pki.result import PathStatus
from agent.pki.revocation import (
    CombinedSource,
    FileSource,
    RevocationData,
    StaticSource,
    check_list_files,
)
from tests.signing import pki_support as pki


def test_anchors_come_as_der_pem_and_directories(tmp_path: Path) -> None:
    (tmp_path / "root.cer").write_bytes(pki.root().der)
    pki.write_pem(tmp_path / "cas.pem", pki.issuing().der, pki.issuing_other().der)
    (tmp_path / "README.txt").write_text("no certificate")
    store = TrustStore.load([tmp_path / "root.cer"], [tmp_path / "cas.pem"])
    assert [item.der for item in store.anchors] == [pki.root().der]
    expected = {pki.issuing().der, pki.issuing_other().der}
    assert {item.der for item in store.intermediates} == expected
    everything = TrustStore.load([tmp_path])
    assert len(everything.anchors) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x30\x00",
        b"garbage",
        b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n",
        b"-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----\n",
        b"\x30\x84\x00\x50\x00\x00" + bytes(5 * 1024 * 1024),
    ],
)
def test_what_is_no_certificate_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "anchor.pem").write_bytes(content)
    with pytest.raises(CmsError):
        TrustStore.load([tmp_path / "anchor.pem"])


def test_no_anchor_is_refused(tmp_path: Path) -> None:
    for paths in ([], [tmp_path], [tmp_path / "missing.pem"]):
        with pytest.raises(CmsError):
            TrustStore.load(paths)
    citizen = pki.write_pem(tmp_path / "citizen.pem", pki.citizen())
    with pytest.raises(CmsError, match="authority"):
        TrustStore.load([citizen])


def test_what_is_wrong_with_a_file_of_many_names_it(tmp_path: Path) -> None:
    pki.write_pem(tmp_path / "root.pem", pki.root().der)
    (tmp_path / "list.crl").write_bytes(b"not looked at")
    (tmp_path / "other.cer").write_bytes(b"garbage")
    with pytest.raises(CmsError, match=r"^other\.cer: "):
        TrustStore.load([tmp_path])
    (tmp_path / "empty").mkdir()
    with pytest.raises(CmsError, match="no certificate in empty"):
        TrustStore.load([tmp_path / "root.pem"], [tmp_path / "empty"])
    with pytest.raises(CmsError, match=r"^list\.crl: "):
        check_list_files(tmp_path)


def test_a_file_of_anchors_has_at_most_4_mib_and_a_folder_256_files(tmp_path: Path) -> None:
    one = pki.write_pem(tmp_path / "0.pem", pki.root().der)
    text = one.read_bytes()
    one.write_bytes(text.ljust(4 << 20, b"\n"))
    assert TrustStore.load([one]).anchors
    one.write_bytes(text.ljust((4 << 20) + 1, b"\n"))
    with pytest.raises(CmsError, match="larger"):
        TrustStore.load([one])
    for number in range(256):
        (tmp_path / f"{number}.pem").write_bytes(text)
    assert TrustStore.load([tmp_path]).anchors
    (tmp_path / "256.PEM").write_bytes(text)
    with pytest.raises(CmsError, match="more than"):
        TrustStore.load([tmp_path])


def test_hints_are_few_and_may_be_garbage() -> None:
    store = TrustStore((read_certificate(pki.root().der),))
    for before, found in ((1, [pki.issuing().der]), (15, [pki.issuing().der]), (16, [])):
        with_hints = store.with_hints([b"garbage"] * before + [pki.issuing().der])
        assert [item.der for item in with_hints.intermediates] == found


def test_a_mesh_of_hints_does_not_make_the_search_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many authorities that all certify each other could be climbed in many thousand ways."""
    key = pki.rsa_key("mesh")
    top = pki.Authority(pki.issuing().certificate, key)
    mesh = [top.authority(pki.MOICA, key, serial) for serial in range(100, 130)]
    leaf = mesh[0].issue(pki.citizen_name(), pki.citizen_key())
    store = TrustStore(
        (read_certificate(pki.root().der),),
        tuple(read_certificate(item.der) for item in mesh),
    )
    asked = 0
    original = find_chains.__globals__["ChainCertificate"].was_issued_by

    def counted(self: object, other: object) -> bool:
        nonlocal asked
        asked += 1
        return bool(original(self, other))

    monkeypatch.setattr("agent.pki.chain.ChainCertificate.was_issued_by", counted)
    raw = leaf.public_bytes(pki.Encoding.DER)
    assert find_chains(read_certificate(raw), store, pki.NOW) == []
    assert asked == 500


def ders(data: RevocationData) -> list[bytes]:
    return [item.der for item in data.crls]


async def test_lists_come_as_der_pem_and_directories(tmp_path: Path) -> None:
    lists = [pki.root().crl(), pki.issuing().crl()]
    (tmp_path / "root.crl").write_bytes(lists[0])
    (tmp_path / "ca.pem").write_bytes(pem.armor("X509 CRL", lists[1]))
    (tmp_path / "notes.txt").write_text("no list")
    found = await FileSource([tmp_path]).current()
    assert set(ders(found)) == set(lists)
    assert ders(await FileSource([tmp_path / "root.crl"]).current()) == [lists[0]]


async def test_a_list_that_is_replaced_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "ca.crl"
    file.write_bytes(pki.issuing().crl())
    source = FileSource([file])
    first = await source.current()
    assert (await source.current()).crls[0] is first.crls[0]
    newer = pki.issuing().crl([0x5A01])
    file.write_bytes(newer)
    os.utime(file, ns=(1, 1))
    assert ders(await source.current()) == [newer]
    file.unlink()
    assert (await source.current()).crls == ()


async def test_files_that_cannot_be_read_give_nothing(tmp_path: Path) -> None:
    good = tmp_path / "good.crl"
    good.write_bytes(pki.issuing().crl())
    (tmp_path / "bad.pem").write_bytes(b"-----BEGIN X509 CRL-----\n")
    source = FileSource([tmp_path / "missing.crl", tmp_path / "bad.pem", good])
    assert ders(await source.current()) == [good.read_bytes()]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX")
async def test_a_pipe_among_the_files_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "good.crl").write_bytes(pki.issuing().crl())
    os.mkfifo(tmp_path / "pipe.crl")
    os.mkfifo(tmp_path / "pipe.cer")
    (tmp_path / "endless.crl").symlink_to("/dev/zero")
    assert len(ders(await FileSource([tmp_path, tmp_path / "pipe.crl"]).current())) == 1
    with pytest.raises(CmsError, match=r"pipe\.cer: is not a regular file"):
        TrustStore.load([tmp_path], [])


async def test_sources_are_combined() -> None:
    one, two = pki.root().crl(), pki.issuing().crl()
    source = CombinedSource(
        (StaticSource.of([one, b"no list"], [b"answer"]), StaticSource.of([two]), StaticSource.of())
    )
    found = await source.current()
    assert ders(found) == [one, two]
    assert found.ocsps == (b"answer",)


async def test_a_list_is_parsed_once_however_often_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, raw in (("root", pki.root().crl()), ("ca", pki.issuing().crl())):
        (tmp_path / f"{name}.crl").write_bytes(raw)
    parsed: list[int] = []
    parse = RevocationList.from_der.__func__  # type: ignore[attr-defined]  # of a class method

    def counted(kind: type[RevocationList], raw: bytes) -> RevocationList:
        parsed.append(len(raw))
        return parse(kind, raw)  # type: ignore[no-any-return]  # as above

    monkeypatch.setattr(RevocationList, "from_der", classmethod(counted))
    source = FileSource([tmp_path])
    store = TrustStore((read_certificate(pki.root().der),), (read_certificate(pki.issuing().der),))
    leaf = read_certificate(pki.citizen())
    results = await asyncio.gather(*(validate_path(leaf, store, source, pki.NOW) for _ in range(6)))
    assert {item.status for item in results} == {PathStatus.VALID}
    assert len(parsed) == 2


@asynccontextmanager
async def serving(handler: Callable[[web.Request], object]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{name}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}/"
    finally:
        await runner.cleanup()


async def test_an_address_in_a_certificate_is_never_called() -> None:
    called: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        called.append(request.path)
        return web.Response(body=pki.issuing().crl())

    async with serving(handler) as base:
        address = [x509.UniformResourceIdentifier(base + "ca.crl")]
        points = x509.CRLDistributionPoints([x509.DistributionPoint(address, None, None, None)])
        issued = pki.issuing().issue(pki.citizen_name(), pki.citizen_key(), extra=[points])
        leaf = read_certificate(issued.public_bytes(pki.Encoding.DER))
        store = TrustStore((read_certificate(pki.issuing().der),))
        result = await validate_path(leaf, store, StaticSource.of(), pki.NOW)
    assert result.status is PathStatus.UNKNOWN
    assert called == []


def test_a_list_without_the_date_of_the_next_one_is_refused() -> None:
    from asn1crypto import crl

    parsed = crl.CertificateList.load(pki.issuing().crl())
    parsed["tbs_cert_list"]["next_update"] = None
    with pytest.raises(CmsError):
        RevocationList.from_der(parsed.dump(force=True))


def test_the_size_of_a_list_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = pki.issuing().crl()
    monkeypatch.setattr("agent.pki.crl.MAX_CRL", len(raw) - 1)
    with pytest.raises(CmsError, match="too large"):
        RevocationList.from_der(raw)


def test_freshness_includes_both_ends() -> None:
    parsed = RevocationList.from_der(pki.issuing().crl())
    tick = datetime.resolution
    assert parsed.is_fresh(parsed.this_update)
    assert parsed.is_fresh(parsed.next_update)
    assert not parsed.is_fresh(parsed.this_update - tick)
    assert not parsed.is_fresh(parsed.next_update + tick)
