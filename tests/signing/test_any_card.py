"""The use cases over cards of other kinds: which key signs, in which form, and what it costs."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from agent.cards.card import ID_AUTH, ID_KEYX, ID_SIGN
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.verify import verify
from agent.consent.consent import AlwaysAllow
from agent.consent.questions import EnterPin, LastAttempt
from agent.errors import AgentError, ErrorCode
from agent.origin import LOCAL_USER, Origin
from agent.signing.model import (
    AuthenticationRequest,
    CardPresence,
    DecryptFormat,
    DecryptionRequest,
    SignatureFormat,
    SignatureRequest,
)
from agent.signing.sign_task import signing_purpose
from agent.virtualcard.card import VirtualCard
from agent.web.citizen_cards import CitizenCards
from tests.signing import pki_support as pki
from tests.signing.any_card import (
    PIN,
    KeyCard,
    OpenKeyCard,
    any_card_service,
    der_of,
    key_of,
    pin_of,
)
from tests.signing.prompt_support import Citizen, types

SITE = Origin.parse("https://portal.example")
CardFactory = Callable[..., VirtualCard]
BOTH = {ID_SIGN: ("P-256", (pki.SIGN, "content_commitment")), ID_AUTH: ("P-384", (pki.SIGN,))}


def request(form: SignatureFormat = SignatureFormat.CMS, **more: Any) -> SignatureRequest:
    return SignatureRequest((Document(data=b"it"),), format=form, **more)


def thumbprint(name: str, usage: tuple[str, ...] = (pki.SIGN,)) -> bytes:
    return hashlib.sha256(der_of(name, usage)).digest()


async def error_of(awaitable: Any) -> AgentError:
    with pytest.raises(AgentError) as caught:
        await awaitable
    return caught.value


@pytest.mark.parametrize("name", ["RSA-3072", "P-256", "P-384"])
async def test_any_key_signs_a_message(name: str) -> None:
    card = KeyCard.with_key(name)
    async with any_card_service([card]) as service:
        result = await service.sign(SITE, request(certificate=thumbprint(name)), pin_of())
        (view,) = service.snapshot().readers
    found = verify(result.signatures[0])
    assert (found.content, found.certificate) == (b"it", der_of(name))
    is_rsa = name.startswith("RSA")
    assert result.algorithm == ("sha256WithRSAEncryption" if is_rsa else "ecdsa-with-SHA256")
    assert (view.generation, view.state) == ("piv", CardPresence.CARD)


async def test_the_longest_curve_wants_the_longest_digest() -> None:
    card = KeyCard.with_key("P-521")
    named = thumbprint("P-521")
    async with any_card_service([card]) as service:
        error = await error_of(service.sign(SITE, request(certificate=named), pin_of()))
        asked = request(hash=HashAlgorithm.SHA512, certificate=named)
        result = await service.sign(SITE, asked, pin_of())
    assert (error.code, "SHA-512" in error.detail, card.pins) == (ErrorCode.BAD_REQUEST, True, 1)
    assert result.algorithm == "ecdsa-with-SHA512"


async def test_a_bare_signature_is_of_the_form_of_its_key() -> None:
    card = KeyCard.with_key("P-256")
    named = thumbprint("P-256")
    async with any_card_service([card]) as service:
        error = await error_of(service.sign(SITE, request(SignatureFormat.PKCS1), pin_of()))
        assert card.pins == 0
        asked = request(SignatureFormat.ECDSA, certificate=named)
        result = await service.sign(SITE, asked, pin_of())
    assert (error.code, "ecdsa" in error.detail) == (ErrorCode.BAD_REQUEST, True)
    key = key_of("P-256")
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    key.public_key().verify(result.signatures[0], b"it", ec.ECDSA(hashes.SHA256()))


async def test_a_citizen_card_signs_in_the_form_of_rsa(make_card: CardFactory) -> None:
    card = make_card()
    async with any_card_service([card]) as service:
        asked = request(SignatureFormat.ECDSA, check_validity=False)
        error = await error_of(service.sign(SITE, asked, pin_of("123456")))
    assert (error.code, "pkcs1" in error.detail) == (ErrorCode.BAD_REQUEST, True)
    assert card.data.attempts_left == 3


def test_a_bare_signature_of_either_kind_is_blind_over_a_digest() -> None:
    for form in SignatureFormat:
        if form not in (SignatureFormat.CMS, SignatureFormat.PADES):
            asked = SignatureRequest((Document(digest=bytes(32)),), format=form)
            assert asked.is_blind == form.is_bare


async def test_another_key_signs_only_where_its_certificate_is_named() -> None:
    card = KeyCard(BOTH)
    async with any_card_service([card]) as service:
        await service.sign(LOCAL_USER, request(), pin_of())
        named = request(certificate=thumbprint("P-384"))
        result = await service.sign(SITE, named, pin_of())
        stranger = await error_of(
            service.sign(SITE, request(certificate=thumbprint("RSA-3072")), pin_of())
        )
    assert card.used == [ID_SIGN, ID_AUTH]
    assert result.certificate.facts.der == der_of("P-384")
    assert stranger.code is ErrorCode.KEY_NOT_FOUND


async def test_no_other_key_takes_the_place_of_one_that_is_missing() -> None:
    card = KeyCard({ID_AUTH: ("RSA-2048", (pki.SIGN,))})
    async with any_card_service([card]) as service:
        error = await error_of(service.sign(SITE, request(), pin_of()))
        login = AuthenticationRequest(bytes(32))
        unnamed = await error_of(service.authenticate(SITE, login, pin_of()))
        assert card.pins == 0
        named = AuthenticationRequest(bytes(32), certificate=thumbprint("RSA-2048"))
        result = await service.authenticate(SITE, named, pin_of())
    assert [error.code, unnamed.code] == [ErrorCode.KEY_NOT_FOUND] * 2
    assert (card.used, result.algorithm) == ([ID_AUTH], "sha256WithRSAEncryption")


async def test_a_key_that_others_encrypt_to_does_not_sign() -> None:
    card = KeyCard({**BOTH, ID_KEYX: ("RSA-3072", (pki.SIGN,))})
    async with any_card_service([card]) as service:
        named = request(certificate=thumbprint("RSA-3072"))
        error = await error_of(service.sign(SITE, named, pin_of()))
    assert (error.code, card.pins) == (ErrorCode.KEY_NOT_FOUND, 0)


async def test_a_login_by_a_key_that_no_verifier_takes_fails_before_the_pin() -> None:
    card = KeyCard.with_key("P-256")
    async with any_card_service([card]) as service:
        error = await error_of(
            service.authenticate(SITE, AuthenticationRequest(bytes(32)), pin_of())
        )
    assert (error.code, card.pins) == (ErrorCode.KEY_NOT_FOUND, 0)


@pytest.mark.parametrize(("form", "agrees"), [("pkcs1", True), ("pkcs1", False), ("cms", False)])
async def test_a_key_on_a_curve_decrypts_nothing_bare_and_nothing_on_cards_that_do_not_agree(
    form: str, agrees: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenKeyCard, "generation", "piv" if agrees else "pkcs11")
    card = KeyCard({**BOTH, ID_KEYX: ("P-256", ("key_agreement",))})
    async with any_card_service([card]) as service:
        asked = DecryptionRequest(bytes(256), DecryptFormat(form))
        error = await error_of(service.decrypt(SITE, asked, pin_of()))
        assert (error.code, "RSA" in error.detail) == (ErrorCode.KEY_NOT_FOUND, True)
    assert card.pins == 0


async def test_windows_know_how_long_this_card_s_pin_is() -> None:
    card = KeyCard.with_key("P-256")
    prompter = Citizen([types(PIN)])
    async with any_card_service([card], prompter=prompter) as service:
        await service.sign(SITE, request(), None)
        named = request(certificate=thumbprint("P-256"))
        short = await error_of(service.sign(SITE, named, pin_of("123")))
    (asked,) = prompter.asked
    assert isinstance(asked, EnterPin)
    assert (asked.min_length, asked.max_length, asked.card.generation) == (4, 12, "piv")
    assert (short.code, card.pins) == (ErrorCode.PIN_LENGTH, 1)


class Asked(AlwaysAllow):
    """Allows everything, and remembers about what attempts it was asked."""

    def __init__(self, *, leave: bool = False) -> None:
        super().__init__()
        self.leave = leave
        self.left: list[int | None] = []

    def take_leave(self, site: Origin) -> bool:
        return self.leave and site is not None

    async def allow_last_attempt(self, question: LastAttempt) -> None:
        self.left.append(question.attempts_left)


@pytest.mark.parametrize(
    ("attempts", "left", "asked"),
    [(5, 5, []), (5, 4, [4]), (None, 5, [5]), (None, 1, [1]), (None, None, [None])],
    ids=["full", "one spent", "of how many?", "the last", "nothing known"],
)
async def test_a_page_s_pin_is_asked_about_unless_no_try_is_known_to_be_spent(
    attempts: int | None, left: int | None, asked: list[int | None]
) -> None:
    card, consent = KeyCard.with_key("P-256", attempts=attempts, left=left), Asked()
    async with any_card_service([card], consent) as service:
        await service.sign(SITE, request(certificate=thumbprint("P-256")), pin_of())
    assert (consent.left, card.pins) == (asked, 1)


@pytest.mark.parametrize(
    ("left", "asked"), [(5, []), (3, []), (2, [2]), (1, [1]), (None, [])], ids=str
)
async def test_a_leave_spends_none_of_the_last_tries(
    left: int | None, asked: list[int | None]
) -> None:
    card, consent = KeyCard.with_key("P-256", attempts=None, left=left), Asked(leave=True)
    async with any_card_service([card], consent) as service:
        await service.sign(SITE, request(certificate=thumbprint("P-256")), pin_of())
    assert (consent.left, card.pins) == (asked, 1)


async def test_old_components_see_citizen_cards_alone(make_card: CardFactory) -> None:
    other, citizen = KeyCard.with_key("RSA-2048"), make_card()
    async with any_card_service([other, citizen]) as service:
        old = CitizenCards(service)
        first, second = old.snapshot().readers
        listing = await old.certificates(SITE)
        asked = request(SignatureFormat.PKCS1, check_validity=False, citizen_card=True)
        result = await old.sign(SITE, asked, pin_of("123456"))
        named = request(SignatureFormat.PKCS1, reader=first.name, citizen_card=True)
        refused = await error_of(old.sign(SITE, named, pin_of()))
        unread = await error_of(old.certificates(SITE, first.name))
    assert (first.state, first.generation) == (CardPresence.UNSUPPORTED, None)
    assert second.state is CardPresence.CARD
    assert {each.reader for each in listing.certificates} == {second.name}
    assert result.certificate.reader == second.name
    assert (refused.code, unread.code) == (ErrorCode.KEY_NOT_FOUND, ErrorCode.UNSUPPORTED_CARD)
    assert other.pins == 0


async def test_old_components_are_told_of_no_card_where_there_are_others_alone() -> None:
    other = KeyCard.with_key("RSA-2048")
    async with any_card_service([other]) as service:
        old = CitizenCards(service)
        listed = await error_of(old.certificates(SITE))
        asked = request(SignatureFormat.PKCS1, citizen_card=True)
        signed = await error_of(old.sign(SITE, asked, pin_of()))
    assert (listed.code, signed.code) == (ErrorCode.UNSUPPORTED_CARD, ErrorCode.KEY_NOT_FOUND)
    assert other.pins == 0


async def test_the_card_that_can_do_it_is_meant(make_card: CardFactory) -> None:
    curve, citizen = KeyCard.with_key("P-256"), make_card()
    async with any_card_service([curve, citizen]) as service:
        asked = request(SignatureFormat.PKCS1, check_validity=False)
        result = await service.sign(SITE, asked, pin_of("123456"))
    assert result.certificate.card_serial == citizen.data.serial
    assert curve.pins == 0


@pytest.mark.parametrize("first", [0, 1])
def test_files_and_what_is_beside_them_are_told_in_one_hash(first: int) -> None:
    """A key on the longest curve signs all of a request with SHA-512."""
    file = Document(digest=bytes(64), whole=bytes(32))
    documents = (file, Document(data=b"it"))[:: -1 if first else 1]
    asked = SignatureRequest(documents, HashAlgorithm.SHA512, SignatureFormat.CMS_DETACHED)
    purpose = signing_purpose(asked)
    assert purpose.hash is HashAlgorithm.SHA256
    told = {each.digest for each in purpose.documents}
    assert told == {bytes(32), hashlib.sha256(b"it").digest()}


async def test_a_certificate_says_what_kind_of_card_it_is_on(make_card: CardFactory) -> None:
    """Not even an authority's certificate beside it makes another card a citizen's."""
    other, citizen = KeyCard({**BOTH, b"CACert": ("RSA-2048", (pki.SIGN,))}), make_card()
    async with any_card_service([other, citizen]) as service:
        found = (await service.certificates(SITE)).certificates
        named = request(certificate=thumbprint("P-256", BOTH[ID_SIGN][1]))
        result = await service.sign(SITE, named, pin_of())
    assert [each.generation for each in found] == ["piv"] * 3 + [citizen.data.generation] * 4
    assert [each.is_on_citizen_card for each in found] == [False] * 3 + [True] * 4
    assert result.certificate.generation == "piv"


@pytest.mark.parametrize("where", [False, True])
async def test_a_page_s_pin_is_no_other_card_s_unless_the_page_names_it(where: bool) -> None:
    card, prompter = KeyCard.with_key("P-256"), Citizen([types(PIN)])
    async with any_card_service([card], prompter=prompter) as service:
        (view,) = service.snapshot().readers
        asked = request(reader=view.name if where else None)
        await service.sign(SITE, asked, pin_of("123456"))
        assert (card.pins, card.left) == (1, 5)
        found_here = request(certificate=thumbprint("P-256"), found_here=True)
        prompter.answers = [types(PIN)]
        await service.sign(SITE, found_here, pin_of("123456"))
        by_number = request(card_number=view.serial or "0123456789ABCDEF0123456789ABCDEF")
        await service.sign(SITE, by_number, pin_of())
        await service.sign(LOCAL_USER, request(), pin_of())
    assert [type(each) for each in prompter.asked] == [EnterPin] * 2
    assert (card.pins, card.left) == (4, 5)


async def test_where_no_window_opens_a_page_hears_that_none_does() -> None:
    card, prompter = KeyCard.with_key("P-256"), Citizen()
    prompter.can_ask = lambda: False  # type: ignore[method-assign]
    async with any_card_service([card], prompter=prompter) as service:
        error = await error_of(service.sign(SITE, request(), pin_of()))
    assert (error.code, card.pins) == (ErrorCode.WINDOW_UNAVAILABLE, 0)


async def test_old_components_mean_a_citizen_card_whatever_their_request_says() -> None:
    """Each door says so itself; that none forgets is kept here."""
    card = KeyCard.with_key("RSA-2048")
    named = thumbprint("RSA-2048")
    async with any_card_service([card]) as service:
        old = CitizenCards(service)
        signed = await error_of(old.sign(SITE, request(certificate=named), pin_of()))
        login = AuthenticationRequest(bytes(32), certificate=named)
        proven = await error_of(old.authenticate(SITE, login, pin_of()))
        cipher = DecryptionRequest(bytes(256), DecryptFormat.PKCS1)
        opened = await error_of(old.decrypt(SITE, cipher, pin_of()))
    assert {signed.code, proven.code, opened.code} == {ErrorCode.KEY_NOT_FOUND}
    assert card.pins == 0
