"""What a case holds opens with its own key alone, and only as what it was sealed as."""

import pytest

from agent.portal.pictures.vault import new_case_key, unwrapped_case_key
from agent.portal.store.keyring import Keyring
from agent.portal.store.sealing import UnsealError
from tests.portal.picture_files import MARKER

KEYRING = Keyring(bytes(range(32)))


def test_a_case_s_parts_open_after_its_key_was_kept_and_found_again() -> None:
    key = new_case_key("C-1")
    sealed = key.seal("front", MARKER)
    wrapped = key.wrapped(KEYRING)
    assert MARKER not in sealed
    assert key._key not in wrapped
    assert unwrapped_case_key(KEYRING, "C-1", wrapped).unseal("front", sealed) == MARKER
    assert key.seal("front", MARKER) != sealed
    assert key._key.hex() not in repr(key)
    assert str(key._key) not in repr(key)


def test_nothing_opens_as_something_else() -> None:
    key, other = new_case_key("C-1"), new_case_key("C-1")
    sealed, wrapped = key.seal("front", MARKER), key.wrapped(KEYRING)
    for attempt in (
        lambda: key.unseal("back", sealed),
        lambda: other.unseal("front", sealed),
        lambda: key.unseal("front", sealed[:-1]),
        lambda: key.unseal("front", b""),
        lambda: key.unseal("front", sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:]),
        lambda: unwrapped_case_key(KEYRING, "C-2", wrapped),
        lambda: unwrapped_case_key(Keyring(bytes(32)), "C-1", wrapped),
        lambda: unwrapped_case_key(KEYRING, "C-1", sealed),
        lambda: key.unseal("front", wrapped),
    ):
        with pytest.raises(UnsealError):
            attempt()
    # The names of case and part do not run into one another.
    moved = unwrapped_case_key(KEYRING, "C-1", wrapped)
    object.__setattr__(moved, "case", "C-1f")
    with pytest.raises(UnsealError):
        moved.unseal("ront", sealed)
