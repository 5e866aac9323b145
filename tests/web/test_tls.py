"""The local certificates, as OpenSSL and Python's own TLS see them."""

import os
import re
import shutil
import ssl
import stat
import subprocess
import threading
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from agent.host.instance.running import Instance
from agent.host.machine.paths import Paths
from agent.host.tls import identity
from agent.host.tls.authority import LEAF_LIFETIME, LEAVES, NAMES, Leaf, LocalAuthority

NOW = datetime(2030, 6, 1, 12, tzinfo=UTC)
OPENSSL = shutil.which("openssl") or "openssl"


def pem(leaf: Leaf) -> bytes:
    return leaf.certificate.public_bytes(Encoding.PEM)


def openssl_verify(
    authority: Path, leaf: Path, *options: str, at: datetime = NOW
) -> subprocess.CompletedProcess[str]:
    command = [OPENSSL, "verify", "-x509_strict", "-purpose", "sslserver"]
    command += ["-attime", str(int(at.timestamp())), *options, "-CAfile", str(authority), str(leaf)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def authority() -> LocalAuthority:
    return LocalAuthority(NOW)


def written(folder: Path, authority: LocalAuthority, leaf: Leaf) -> tuple[Path, Path]:
    top, bottom = folder / "authority.pem", folder / "leaf.pem"
    top.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    bottom.write_bytes(pem(leaf))
    return top, bottom


@pytest.mark.parametrize(
    "name",
    [
        ["-verify_hostname", "localhost"],
        ["-verify_ip", "127.0.0.1"],
        ["-verify_ip", "::1"],
    ],
    ids=lambda options: options[1],
)
def test_openssl_accepts_our_leaf(
    tmp_path: Path, authority: LocalAuthority, name: list[str]
) -> None:
    files = written(tmp_path, authority, authority.leaf(NOW))
    result = openssl_verify(*files, *name)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "names",
    [
        [x509.DNSName("example.com")],
        [x509.DNSName("localhost.example.com")],
        [x509.DNSName("localhost"), x509.DNSName("example.com")],
        [x509.IPAddress(IPv4Address("192.0.2.1"))],
        [x509.IPAddress(IPv4Address("127.0.0.2"))],
        [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("192.0.2.1"))],
        [x509.IPAddress(IPv6Address("2001:db8::1"))],
    ],
    ids=repr,
)
def test_openssl_refuses_a_leaf_for_anybody_else(
    tmp_path: Path, authority: LocalAuthority, names: Sequence[x509.GeneralName]
) -> None:
    """What a thief of the key, had it not been destroyed, could not have used."""
    files = written(tmp_path, authority, authority.leaf(NOW, names))
    result = openssl_verify(*files)
    assert result.returncode != 0
    assert "permitted subtree violation" in result.stderr + result.stdout


def test_the_authority_can_issue_servers_here_and_nothing_else(authority: LocalAuthority) -> None:
    extensions = authority.certificate.extensions
    basic = extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert basic.value == x509.BasicConstraints(ca=True, path_length=0)
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert not usage.value.crl_sign
    assert not usage.value.digital_signature
    constraints = extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    permitted = {str(each.value) for each in constraints.value.permitted_subtrees or ()}
    assert permitted == {"localhost", "127.0.0.1/32", "::1/128"}
    purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_each_installation_has_its_own_authority() -> None:
    first, second = LocalAuthority(NOW).certificate, LocalAuthority(NOW).certificate
    assert first.subject != second.subject
    assert first.serial_number != second.serial_number
    assert first.public_key() != second.public_key()
    assert re.fullmatch("CN=Ankong local authority [0-9a-f]{8}", first.subject.rfc4514_string())


def test_the_ladder_covers_five_years_without_a_gap(authority: LocalAuthority) -> None:
    ladder = authority.leaves()
    assert len(ladder) == LEAVES
    for leaf, after in pairwise(ladder):
        assert after.certificate.not_valid_before_utc < leaf.certificate.not_valid_after_utc
    certificates = [leaf.certificate for leaf in ladder]
    assert certificates[-1].not_valid_after_utc >= NOW + timedelta(days=5 * 365)
    for certificate in certificates:
        span = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        assert span < LEAF_LIFETIME <= timedelta(days=397)
        assert certificate.not_valid_after_utc <= authority.certificate.not_valid_after_utc
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert list(names.value) == list(NAMES)
    assert len({leaf.key.private_numbers().private_value for leaf in ladder}) == LEAVES


def test_a_leafs_key_is_not_printed(authority: LocalAuthority) -> None:
    leaf = authority.leaf(NOW)
    assert str(leaf.key.private_numbers().private_value) not in repr(leaf)


# On disk.


def test_it_is_made_once_and_then_found(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    made = identity.ensure(folder, NOW)
    assert made.created
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    found = identity.ensure(folder, NOW + timedelta(days=30))
    assert not found.created
    assert (found.fingerprint, found.leaf) == (made.fingerprint, made.leaf)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_authoritys_key_is_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    made = identity.ensure(folder, NOW)
    assert b"PRIVATE" not in made.authority.read_bytes()
    public_key = x509.load_pem_x509_certificate(made.authority.read_bytes()).public_key()
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["authority.pem", *(f"leaf-{rung}.pem" for rung in range(LEAVES))]
    for rung in range(LEAVES):
        leaf = identity.load_leaf((folder / f"leaf-{rung}.pem").read_bytes())
        assert leaf is not None
        assert leaf.key.public_key() != public_key


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    before = os.umask(0)
    try:
        identity.ensure(folder, NOW)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_renewal_is_a_change_of_file(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    first = identity.ensure(folder, NOW)
    used = {first.leaf}
    for months in range(1, 60):
        at = NOW + timedelta(days=30 * months)
        found = identity.ensure(folder, at)
        assert not found.created
        assert found.fingerprint == first.fingerprint
        assert openssl_verify(found.authority, found.leaf, at=at).returncode == 0
        used.add(found.leaf)
    assert len(used) == LEAVES


def test_a_ladder_that_has_run_out_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    first = identity.ensure(folder, NOW)
    later = identity.ensure(folder, NOW + timedelta(days=365 * 7))
    assert later.created
    assert later.fingerprint != first.fingerprint


def test_an_empty_clock_battery_costs_no_trust(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    first = identity.ensure(folder, NOW)
    without_battery = identity.ensure(folder, datetime(2000, 1, 1, tzinfo=UTC))
    assert not without_battery.created
    assert without_battery.leaf == first.leaf
    assert identity.ensure(folder, NOW) == replace(first, created=False)


def other_authority(path: Path) -> None:
    path.write_bytes(LocalAuthority(NOW).certificate.public_bytes(Encoding.PEM))


@pytest.mark.parametrize(
    ("pattern", "damage"),
    [
        ("authority.pem", lambda path: path.unlink()),
        ("authority.pem", lambda path: path.write_bytes(b"")),
        ("authority.pem", lambda path: path.write_bytes(path.read_bytes()[:100])),
        ("authority.pem", lambda path: path.write_bytes(os.urandom(2000))),
        ("authority.pem", lambda path: path.write_bytes(b"\0" * 10_000_000)),
        ("authority.pem", other_authority),
        ("leaf-*.pem", lambda path: path.unlink()),
        ("leaf-*.pem", lambda path: path.write_bytes(b"")),
        ("leaf-*.pem", lambda path: path.write_bytes(path.read_bytes()[:200])),
        ("leaf-*.pem", lambda path: path.write_bytes(path.read_bytes()[-400:])),
        ("leaf-*.pem", lambda path: path.write_bytes(os.urandom(2000))),
        ("leaf-*.pem", lambda path: path.write_bytes(path.read_bytes().replace(b"MI", b"MA"))),
    ],
)
def test_damaged_files_are_made_anew(tmp_path: Path, pattern: str, damage: Any) -> None:
    folder = tmp_path / "tls"
    first = identity.ensure(folder, NOW)
    for path in folder.glob(pattern):
        damage(path)
    again = identity.ensure(folder, NOW)
    assert again.created
    assert again.fingerprint != first.fingerprint
    assert openssl_verify(again.authority, again.leaf).returncode == 0
    identity.server_context(again)


def test_one_damaged_leaf_costs_no_trust(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    first = identity.ensure(folder, NOW)
    at = NOW + timedelta(days=350)  # two leaves are valid then
    best = identity.ensure(folder, at).leaf
    best.write_bytes(b"")
    found = identity.ensure(folder, at)
    assert not found.created
    assert found.fingerprint == first.fingerprint
    assert found.leaf != best


def test_a_damaged_leaf_is_not_taken_for_a_wrong_clock(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    first = identity.ensure(folder, NOW)
    first.leaf.write_bytes(b"")
    found = identity.ensure(folder, NOW)
    assert found.created
    assert openssl_verify(found.authority, found.leaf).returncode == 0


def test_a_key_that_is_not_the_leafs_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    identity.ensure(folder, NOW)
    paths = [folder / f"leaf-{rung}.pem" for rung in range(LEAVES)]
    contents = [path.read_text().partition("-----BEGIN CERTIFICATE") for path in paths]
    for path, (_, mark, certificate), (key, _, _) in zip(
        paths, contents, contents[1:] + contents[:1], strict=True
    ):
        path.write_text(key + mark + certificate)
    assert identity.ensure(folder, NOW).created


def test_being_killed_while_writing_is_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop at every file, with and without certificates from before."""
    write = identity.replace_file
    for old in (False, True):
        for stop_at in range(LEAVES + 1):
            paths = Paths(tmp_path / f"{old}-{stop_at}")
            folder = paths.tls
            if old:
                identity.ensure(folder, NOW - timedelta(days=365 * 10))
            count = 0

            def dying(path: Path, content: bytes, *, mode: int, stop_at: int = stop_at) -> None:
                nonlocal count
                if count == stop_at:
                    left = path.with_name(f".ankong-{'0' * 16}.new")
                    left.write_bytes(content[:50])
                    os.utime(left, (0, 0))
                    raise KeyboardInterrupt
                count += 1
                write(path, content, mode=mode)

            monkeypatch.setattr(identity, "replace_file", dying)
            with pytest.raises(KeyboardInterrupt):
                identity.ensure(folder, NOW)
            monkeypatch.setattr(identity, "replace_file", write)
            again = identity.ensure(folder, NOW)
            assert openssl_verify(again.authority, again.leaf).returncode == 0
            with Instance(paths):
                assert not [path for path in folder.iterdir() if path.suffix == ".new"]


def test_a_file_in_the_way_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "tls").write_bytes(b"")
    with pytest.raises(OSError, match="tls"):
        identity.ensure(tmp_path / "tls", NOW)


# On the wire.


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> str | None:
    """Shake hands through memory; give the protocol version."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname=name)
    done: set[int] = set()
    for _ in range(10):
        for side in (theirs, ours):
            try:
                side.do_handshake()
                done.add(id(side))
            except ssl.SSLWantReadError:
                continue
        if len(done) == 2:
            return theirs.version()
    return None


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> identity.ServerIdentity:
    return identity.ensure(tmp_path_factory.mktemp("tls") / "now")


def trusting(fresh: identity.ServerIdentity) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(fresh.authority))


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_pythons_client_accepts_us(fresh: identity.ServerIdentity, name: str) -> None:
    assert handshake(identity.server_context(fresh), trusting(fresh), name) == "TLSv1.3"


def test_without_the_authority_nobody_does(fresh: identity.ServerIdentity) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(identity.server_context(fresh), ssl.create_default_context(), "localhost")


def test_another_name_is_another_server(fresh: identity.ServerIdentity) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(identity.server_context(fresh), trusting(fresh), "example.com")


def old_client(fresh: identity.ServerIdentity) -> ssl.SSLContext:
    """A client that speaks TLS 1.0 and 1.1 only, with the ciphers that these need."""
    client = trusting(fresh)
    client.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        client.minimum_version = ssl.TLSVersion.TLSv1
        client.maximum_version = ssl.TLSVersion.TLSv1_1
    return client


def willing(context: ssl.SSLContext) -> ssl.SSLContext:
    """Let a server's context use every cipher, so that only its lowest version is left."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def test_old_protocols_are_refused(fresh: identity.ServerIdentity) -> None:
    client = trusting(fresh)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert handshake(identity.server_context(fresh), client, "localhost") == "TLSv1.2"
    for server in (identity.server_context(fresh), willing(identity.server_context(fresh))):
        with pytest.raises(ssl.SSLError, match="UNSUPPORTED_PROTOCOL"):
            handshake(server, old_client(fresh), "localhost")


def test_an_old_client_would_get_in_where_it_is_let(fresh: identity.ServerIdentity) -> None:
    """The refusal above is ours: not the client's, and not this OpenSSL's."""
    server = willing(identity.server_context(fresh))
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        server.minimum_version = ssl.TLSVersion.TLSv1
    assert handshake(server, old_client(fresh), "localhost") == "TLSv1.1"


def test_a_running_server_can_change_its_leaf(fresh: identity.ServerIdentity) -> None:
    """What the ladder is for: a new file in the live context, and no new trust."""
    context = identity.server_context(fresh)
    second = identity.ensure(fresh.authority.parent, datetime.now(UTC) + timedelta(days=350))
    assert second.leaf != fresh.leaf
    context.load_cert_chain(second.leaf)
    client = trusting(fresh)
    with pytest.raises(ssl.SSLCertVerificationError, match="not yet valid"):
        handshake(context, client, "localhost")


def test_two_starts_at_once_end_with_one_valid_set(tmp_path: Path) -> None:
    folder = tmp_path / "tls"

    def start() -> None:
        with suppress(OSError):  # the slower one may find its scratch file gone
            identity.ensure(folder, NOW)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = identity.ensure(folder, NOW)
    assert openssl_verify(found.authority, found.leaf).returncode == 0
