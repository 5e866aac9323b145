"""Contacts: one person's spellings are one account, and a mask gives nothing away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.portal.contact import Contact, LoginKind, parse_contact
from agent.portal.errors import PortalCode, PortalError


@pytest.mark.parametrize(
    "typed",
    [
        *("0912345678", "0912-345-678", " 0912 345 678", "+886912345678", "886 912 345 678"),
        *("+886-912-345-678", "０９１２３４５６７８"),
    ],
)
def test_all_spellings_of_a_mobile_number_are_one(typed: str) -> None:
    contact = parse_contact(typed)
    assert (contact.kind, contact.value) == (LoginKind.MOBILE, "0912345678")
    assert contact.masked == "0912***678"


@pytest.mark.parametrize("typed", ["Tester@Example.TEST", " tester@example.test "])
def test_all_spellings_of_an_address_are_one(typed: str) -> None:
    contact = parse_contact(typed)
    assert (contact.kind, contact.value) == (LoginKind.EMAIL, "tester@example.test")
    assert contact.masked == "t***@example.test"


@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", "0812345678", "091234567", "09123456789", "+1 912 345 678", "٠٩١٢٣٤٥٦٧٨"),
        *("tester", "tester@", "@example.test", "a@b", "a@b..test", "a b@example.test"),
        *("a@-b.test", "a\r\nBcc: c@example.test", "測試@example.test"),
        *("a@example.test\nb@example.test", "a" * 65 + "@example.test", "a@" + "b." * 130 + "test"),
    ],
)
def test_anything_else_is_refused(typed: str) -> None:
    with pytest.raises(PortalError) as caught:
        parse_contact(typed)
    assert caught.value.code is PortalCode.CONTACT_INVALID


@given(st.text(max_size=254))
def test_no_text_does_anything_else_than_be_read_or_refused(text: str) -> None:
    contact = read(text)
    if contact is not None:
        assert read(contact.value) == contact
        assert contact.value not in repr(contact)


def read(text: str) -> Contact | None:
    try:
        return parse_contact(text)
    except PortalError:
        return None
