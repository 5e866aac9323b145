"""Nothing that a page of this family has signed passes as a login anywhere."""

from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_der_x509_certificate

from agent.cms.login import CONTENT_TYPE, LoginPurpose, LoginStatement
from agent.cms.verify import ContentTypeError, verify
from tests.browser.jrsys.conftest import CardFactory
from tests.browser.jrsys.kit_pages import KitPage
from tests.browser.jrsys.own_agent import OwnAgent

pytestmark = pytest.mark.browser


def statement() -> bytes:
    """Return what a login to another site would sign."""
    now, challenge = datetime.now(UTC), bytes(32)
    return LoginStatement.make(LoginPurpose.LOGIN, "https://bank.test", challenge, now).encode()


def test_the_text_of_another_sites_login_is_signed_as_a_document(
    make_card: CardFactory, agent: OwnAgent, page: KitPage
) -> None:
    agent.put(make_card())
    text = statement()
    told = page.p11("RsaSignedDataP11", DigestAlg=7, Data2BSigned=text.decode())
    message = bytes.fromhex(told["message"])
    assert verify(message).content == text
    with pytest.raises(ContentTypeError):
        verify(message, content_types=(CONTENT_TYPE,))


@pytest.mark.parametrize("is_detached", [False, True])
def test_the_attributes_of_another_sites_login_are_signed_as_a_document(
    make_card: CardFactory, agent: OwnAgent, page: KitPage, is_detached: bool
) -> None:
    agent.put(make_card())
    attributes = b"\x31\x20" + CONTENT_TYPE + statement()
    fields = {"DigestAlgId": 7, "IsContentDetached": is_detached}
    told = page.newer("RsaSignedData", "ComMSCapiPara", Data2BSignHex=attributes.hex(), **fields)
    message = bytes.fromhex(told["message"])
    assert verify(message, content=attributes).content == attributes
    with pytest.raises(ContentTypeError):
        verify(message, content=attributes, content_types=(CONTENT_TYPE,))
    key = load_der_x509_certificate(bytes.fromhex(told["signer"])).public_key()
    assert isinstance(key, RSAPublicKey)
    with pytest.raises(InvalidSignature):  # never under what the page gave itself
        key.verify(bytes.fromhex(told["signature"]), attributes, PKCS1v15(), SHA256())
