import hashlib

import pytest
from asn1crypto import algos

from agent.cms.digest import HashAlgorithm
from agent.cms.errors import CmsError
from agent.errors import ErrorCode


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_digest_info_says_algorithm_and_digest(algorithm: HashAlgorithm) -> None:
    digest = algorithm.digest(b"TBS")
    info = algos.DigestInfo.load(algorithm.digest_info(digest), strict=True)
    assert info["digest_algorithm"]["algorithm"].dotted == algorithm.oid
    assert info["digest_algorithm"]["parameters"].native is None
    assert info["digest_algorithm"].dump().endswith(b"\x05\x00")
    assert info["digest"].native == hashlib.new(algorithm.hashlib_name, b"TBS").digest()
    assert info.dump(force=True) == algorithm.digest_info(digest)


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_a_digest_of_another_length_is_refused(algorithm: HashAlgorithm) -> None:
    for length in (0, algorithm.length - 1, algorithm.length + 1):
        with pytest.raises(CmsError) as caught:
            algorithm.digest_info(bytes(length))
        assert caught.value.code is ErrorCode.BAD_REQUEST


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_length_and_identifier_name_the_algorithm(algorithm: HashAlgorithm) -> None:
    digest = algorithm.digest(b"TBS")
    assert HashAlgorithm.read_digest(digest) == (algorithm, digest)
    assert HashAlgorithm.read_digest(algorithm.digest_info(digest)) == (algorithm, digest)
    assert HashAlgorithm.by_oid(algorithm.oid) is algorithm
    assert len(algorithm.digest(b"")) == algorithm.length


def test_unknown_lengths_and_identifiers_are_refused() -> None:
    with pytest.raises(CmsError):
        HashAlgorithm.by_oid("1.2.840.113549.2.5")
    for octets in (b"", bytes(28), *(bytes(length) for length in (35, 51, 67, 83))):
        with pytest.raises(CmsError):
            HashAlgorithm.read_digest(octets)


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_a_digest_info_counts_only_octet_by_octet(algorithm: HashAlgorithm) -> None:
    info = algorithm.digest_info(bytes(algorithm.length))
    prefix = len(info) - algorithm.length
    spoilt = [info[:at] + bytes((info[at] ^ 1,)) + info[at + 1 :] for at in range(prefix)]
    for octets in (*spoilt, info + b"\0", info[:-1], b"\0" + info):
        with pytest.raises(CmsError):
            HashAlgorithm.read_digest(octets)
