"""A test issuer that is kept in a directory.

::

    root.cer ca.cer          certificates, DER
    root.crl ca.crl          revocation lists, DER, signed anew whenever something changes
    issued.json              what was issued, one object each (``issuer.IssuedRecord``)
    root.key ca.key          private keys, PKCS#8 DER, unencrypted: they certify nothing real
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from filelock import FileLock, Timeout

from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.files import read_file, replace_file
from agent.virtualcard.issuer import (
    KEY_SIZE,
    Authority,
    IssuedRecord,
    TestIssuer,
    Validity,
    der,
)
from agent.virtualcard.profile import SubjectKey, Use

ROOT, CA = "root", "ca"
DATABASE = "issued.json"
_LOCK_PATIENCE = 30.0  # seconds; making two 4096-bit keys takes a few
_MAX_DATABASE = 64 * 1024 * 1024  # bytes; a record has some 300


class DirectoryIssuer(TestIssuer):
    """A test issuer in a directory; locked against other processes that issue at the same time."""

    def __init__(self, directory: Path, root: Authority, ca: Authority) -> None:
        super().__init__(root, ca)
        self.directory = directory
        self._lock = _lock(directory)

    @classmethod
    def open(cls, directory: Path, key_size: int = KEY_SIZE) -> Self:
        """Load the issuer in ``directory``, or make one with keys of ``key_size`` bits there.

        Raises:
            BadRequestError: the directory has something else in it, or cannot be read or written.

        """
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _held(_lock(directory)):
                if not (directory / DATABASE).exists():
                    _found(directory, key_size)
                issuer = cls(directory, _load(directory, ROOT), _load(directory, CA))
                issuer.records = _load_records(directory)
                issuer.write_lists()
        except OSError as error:
            raise BadRequestError(f"{directory}: {error.strerror}") from error
        return issuer

    def issue(
        self,
        name: str,
        id_number: str,
        keys: Mapping[Use, SubjectKey],
        validity: Validity = Validity.NOW,
    ) -> dict[Use, x509.Certificate]:
        """Do as the base class, with the directory locked; errors as there."""
        with self._up_to_date():
            return super().issue(name, id_number, keys, validity)

    def revoke(self, serial: str) -> None:
        """Do as the base class, with the directory locked; errors as there."""
        with self._up_to_date():
            super().revoke(serial)

    def save(self) -> None:
        """Write the database and both revocation lists."""
        replace_file(self.directory / DATABASE, self.database())
        self.write_lists()

    def write_lists(self) -> None:
        """Sign both revocation lists anew, valid for 30 days."""
        replace_file(self.directory / f"{ROOT}.crl", self.root_crl())
        replace_file(self.directory / f"{CA}.crl", self.crl())

    @contextmanager
    def _up_to_date(self) -> Iterator[None]:
        with _held(self._lock):
            self.records = _load_records(self.directory)
            yield


def _lock(directory: Path) -> FileLock:
    return FileLock(directory / ".lock", timeout=_LOCK_PATIENCE)


@contextmanager
def _held(lock: FileLock) -> Iterator[None]:
    try:
        lock.acquire()
    except Timeout as error:
        raise AgentError("another program uses the test issuer", code=ErrorCode.BUSY) from error
    try:
        yield
    finally:
        lock.release()


def _found(directory: Path, key_size: int) -> None:
    """Make a new issuer; the database is written last and marks it as complete."""
    issuer = TestIssuer.create(key_size)
    for name, authority in ((ROOT, issuer.root), (CA, issuer.ca)):
        key = authority.key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        replace_file(directory / f"{name}.key", key)
        replace_file(directory / f"{name}.cer", der(authority.certificate))
    replace_file(directory / DATABASE, b"[]\n")


def _load(directory: Path, name: str) -> Authority:
    try:
        certificate = x509.load_der_x509_certificate((directory / f"{name}.cer").read_bytes())
        key = serialization.load_der_private_key(
            (directory / f"{name}.key").read_bytes(), None, unsafe_skip_rsa_key_validation=True
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadRequestError(f"{directory}: {name} is no authority") from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate.public_key():
        raise BadRequestError(f"{directory}: key and certificate of {name} do not belong together")
    return Authority(certificate, key)


def _load_records(directory: Path) -> list[IssuedRecord]:
    try:
        raw = read_file(directory / DATABASE, _MAX_DATABASE)
        return msgspec.json.decode(raw, type=list[IssuedRecord])
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"{directory}: {DATABASE} is damaged: {error}") from error
