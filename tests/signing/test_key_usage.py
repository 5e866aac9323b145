"""Which keys sign, by what their certificates say they are for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest

from agent.cards.card import ID_KEYX, ID_SIGN
from agent.cms.document import Document
from agent.errors import KeyNotFoundError
from agent.pki.certificate import KeyUsage
from agent.pki.reading import read_certificate
from agent.signing.model import CardCertificate, SignatureFormat, SignatureRequest
from agent.signing.sign_task import SignTask
from agent.virtualcard.card import VirtualCard

REQUEST: Final = SignatureRequest((Document(data=b"x"),), format=SignatureFormat.PKCS1)
SIGNING: Final = {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION}


@pytest.fixture
def certificate(make_card: Callable[..., VirtualCard]) -> CardCertificate:
    """Some certificate of some card."""
    der = make_card().data.certificates[0].der
    return CardCertificate(read_certificate(der), "reader", "SIGN", "cert1", "TS00000000000001")


def may_sign(certificate: CardCertificate, key_id: bytes, *usage: KeyUsage) -> bool:
    facts = replace(certificate.facts, key_usage=usage)
    task = SignTask(replace(REQUEST, key_id=key_id), lambda: datetime.now(UTC))
    try:
        task.prepare(replace(certificate, facts=facts, id=key_id.decode()))
    except KeyNotFoundError:
        return False
    return True


@pytest.mark.parametrize("usage", KeyUsage)
@pytest.mark.parametrize("key_id", [ID_SIGN, ID_KEYX])
def test_a_key_signs_only_what_its_certificate_allows(
    certificate: CardCertificate,
    key_id: bytes,
    usage: KeyUsage,
) -> None:
    assert may_sign(certificate, key_id, usage) is (usage in SIGNING)
    assert may_sign(certificate, key_id, usage, KeyUsage.NON_REPUDIATION)


def test_without_a_key_usage_the_signing_key_alone_signs(
    certificate: CardCertificate,
) -> None:
    assert may_sign(certificate, ID_SIGN)
    assert not may_sign(certificate, ID_KEYX)
