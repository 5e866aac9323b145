"""At which moments lists are looked at, where a document brings along any number of them."""

from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from agent.documents.proven_time import judge_at
from agent.pki.certificate import KeyUsage
from agent.pki.reading import read_certificate
from agent.pki.result import PathStatus
from agent.pki.revocation import StaticSource
from tests.signing import pki_support as pki
from tests.signing.test_ocsp_responders import Answering
from tests.signing.test_pki_path import store

SERIAL = 0x5A
AT = pki.NOW - 1.5 * pki.DAY
HOUR = pki.DAY / 24
LEAF = pki.issuing().issue(pki.citizen_name(), pki.citizen_key(), serial=SERIAL)
STRANGER = pki.Authority(pki.issuing().certificate, pki.rsa_key("stranger"))
ROOT = pki.root().crl(this_update=pki.NOW - 4 * pki.DAY)
BEFORE = pki.issuing().crl(this_update=pki.NOW - 3 * pki.DAY, next_update=pki.NOW - pki.DAY)
REVOKING = pki.issuing().crl([SERIAL], next_update=pki.NOW - 0.5 * pki.DAY)


def judged(crls: Sequence[bytes], ocsps: Sequence[bytes] = ()) -> PathStatus:
    data = StaticSource.of([ROOT, BEFORE, *crls], ocsps).data
    signer = read_certificate(LEAF.public_bytes(Encoding.DER))
    usage = KeyUsage.DIGITAL_SIGNATURE
    return judge_at(signer, store(pki.issuing()), data, AT, usage=usage, now=pki.NOW).status


def test_a_list_that_is_stale_by_now_tells_of_its_own_moment() -> None:
    assert judged([]) is PathStatus.VALID
    assert judged([REVOKING]) is PathStatus.REVOKED


@pytest.mark.parametrize("kind", ["lists", "responses"])
def test_what_a_stranger_signed_has_no_moment(kind: str) -> None:
    hours = range(1, 9)
    if kind == "lists":
        more = [STRANGER.crl(this_update=pki.NOW - each * HOUR) for each in hours]
        assert judged([REVOKING, *more]) is PathStatus.REVOKED
    else:
        found = [Answering(by=STRANGER, since=-each / 24).der() for each in hours]
        assert judged([REVOKING], found) is PathStatus.REVOKED
