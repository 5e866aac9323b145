"""Cards on which an old certificate was left beside the renewed one, in either order."""

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.x509 import load_der_x509_certificate

from agent.cms.verify import verify
from agent.errors import ErrorCode
from agent.pki.reading import read_certificate
from agent.signing.model import SignatureFormat
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import TestIssuer, Validity, der
from agent.virtualcard.model import ID_KEYX, ID_SIGN, VirtualCertificate
from agent.virtualcard.profile import Use
from agent.virtualcard.rsa_key import RsaKey
from tests.conftest import TEST_ID_NUMBER, TEST_NAME
from tests.signing.odd_support import (
    OddCard,
    agent_with,
    code_of,
    contents,
    list_all,
    own,
    require_right,
    sign,
    truth,
)
from tests.web.hipki.rig import Rig

CardFactory = Callable[..., VirtualCard]
Old = tuple[OddCard, bytes, bytes]
"""A card, the DER of its old certificate, and that of the one that counts."""


@pytest.fixture(params=["old first", "old last"])
def order(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def with_old(
    card: VirtualCard, issuer: TestIssuer, key: RsaKey, validity: Validity, order: str
) -> Old:
    """Return the card with one more certificate, for this key, in this order."""
    public = {Use.SIGN: key.public_key, Use.KEYX: key.public_key}
    old = der(issuer.issue(TEST_NAME, TEST_ID_NUMBER, public, validity)[Use.SIGN])
    added = VirtualCertificate(ID_SIGN, "old", old)
    certificates = list(card.data.certificates)
    place = certificates.index(own(card))
    certificates.insert(place if order == "old first" else place + 1, added)
    return OddCard(replace(card.data, certificates=tuple(certificates))), old, own(card).der


@pytest.fixture
def expired(
    make_card: CardFactory,
    generation: str,
    test_issuer: TestIssuer,
    order: str,
) -> Old:
    """Make a card with an expired certificate for the same key."""
    card = make_card(generation)
    return with_old(card, test_issuer, card.data.keys[0].key, Validity.EXPIRED, order)


@pytest.fixture
def replaced(make_card: CardFactory, generation: str, test_issuer: TestIssuer, order: str) -> Old:
    """Make a card with a certificate that is valid, but for a key that it has no more."""
    card = make_card(generation)
    other = next(key.key for key in card.data.keys if key.id == ID_KEYX)
    return with_old(card, test_issuer, other, Validity.NOW, order)


@pytest.mark.parametrize("check_validity", [True, False])
@pytest.mark.parametrize("listed_first", [True, False])
async def test_the_valid_one_signs(expired: Old, check_validity: bool, listed_first: bool) -> None:
    card, _, valid = expired
    async with agent_with(card) as service:
        if listed_first:
            assert contents(await list_all(service)) == truth(card)
        for number in (1, 2):
            result = await sign(service, check_validity=check_validity)
            require_right(result, card, valid)
            assert card.verifies == number
        assert card.data.attempts_left == 3


async def test_listing_and_signing_agree(expired: Old) -> None:
    card, old, valid = expired
    async with agent_with(card) as service:
        for _ in range(2):
            listed = await list_all(service)
            assert contents(listed) == truth(card)
            assert [c.facts.der for c in listed if c.id == "SIGN"] == [valid, old]
            require_right(await sign(service, check_validity=False), card, valid)


async def test_a_thumbprint_picks_the_other(expired: Old) -> None:
    card, old, valid = expired
    async with agent_with(card) as service:
        prints = {c.facts.der: c.facts.thumbprint for c in await list_all(service)}
        chosen = await sign(service, certificate=prints[old], check_validity=False)
        require_right(chosen, card, old)
        require_right(await sign(service, certificate=prints[valid]), card, valid)
        refused = await code_of(sign(service, certificate=prints[old]))
        assert refused is ErrorCode.CERTIFICATE_EXPIRED
        assert card.verifies == 2
        unknown = await code_of(sign(service, certificate=bytes(32)))
        assert unknown is ErrorCode.KEY_NOT_FOUND
        assert card.verifies == 2
        require_right(await sign(service), card, valid)


async def test_the_exchange_key_signs_nothing(expired: Old) -> None:
    card, _, _ = expired
    async with agent_with(card) as service:
        assert await code_of(sign(service, key_id=ID_KEYX)) is ErrorCode.KEY_NOT_FOUND
        thumbprint = read_certificate(own(card, ID_KEYX).der).thumbprint
        for key_id in (ID_SIGN, ID_KEYX):
            refused = await code_of(sign(service, key_id=key_id, certificate=thumbprint))
            assert refused is ErrorCode.KEY_NOT_FOUND
        assert card.verifies == 0


async def test_the_one_whose_key_fits_signs_at_the_latest_the_next_time(replaced: Old) -> None:
    card, _, fitting = replaced
    async with agent_with(card) as service:
        first = await code_of(sign(service))
        assert card.verifies == 1
        if first is None:
            return
        for number in (2, 3):
            require_right(await sign(service), card, fitting)
            assert card.verifies == number
        listed = await list_all(service)
        assert next(c.facts.der for c in listed if c.id == "SIGN") == fitting
        require_right(await sign(service), card, fitting)
        assert card.data.attempts_left == 3


async def test_a_bare_signature_of_the_wrong_key_does_not_leave(replaced: Old) -> None:
    card, wrong, _ = replaced
    async with agent_with(card) as service:
        prints = {c.facts.der: c.facts.thumbprint for c in await list_all(service)}
        for form in (SignatureFormat.PKCS1, SignatureFormat.CMS):
            refused = await code_of(sign(service, certificate=prints[wrong], format=form))
            assert refused is not None
        assert card.verifies == 2


def test_the_old_protocol_lists_last_what_signs(expired: Old) -> None:
    """Pages take the last certificate with the usage that they look for."""
    card, old, valid = expired
    with Rig(card) as rig:
        for _ in range(2):
            token = rig.get("/pkcs11info?withcert=true").json["slots"][0]["token"]
            label = base64.b64encode(ID_SIGN).decode()
            found = [
                base64.b64decode(each["certb64"]) for each in token["certs"] if each["id"] == label
            ]
            assert found == [old, valid]
            assert [each["label"] for each in token["keys"]] == ["K1", "K2"]
            for check in ("true", "false", ""):
                answer = rig.sign(checkValidity=check, keyidb64=label, signatureType="PKCS7")
                assert answer["ret_code"] == 0
                signature = base64.b64decode(answer["signature"])
                assert verify(signature).certificate == valid
    assert load_der_x509_certificate(valid) != load_der_x509_certificate(old)
