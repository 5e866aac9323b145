"""A secret shows itself nowhere and is zero afterwards."""

import copy
import pickle

import pytest

from agent.secret import SecretBytes, wipe, wipe_received


def test_leaving_the_context_zeroes_the_one_buffer() -> None:
    buffer = bytearray(b"123456")
    with SecretBytes(buffer) as secret:
        assert secret.buffer is buffer
    assert buffer == bytes(6)


def test_a_secret_that_is_gone_says_so() -> None:
    secret = SecretBytes(bytearray(b"123456"))
    assert not secret.wiped
    secret.wipe()
    assert secret.wiped


def test_an_exception_zeroes_it_too() -> None:
    buffer = bytearray(b"123456")
    with pytest.raises(ZeroDivisionError), SecretBytes(buffer):
        raise ZeroDivisionError
    assert buffer == bytes(6)


def test_nothing_shows_it() -> None:
    secret = SecretBytes.from_text("123456")
    assert repr(secret) == str(secret) == f"{secret}" == "SecretBytes(6)"
    assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError):
        bytes(secret)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.copy(secret)
    with pytest.raises(TypeError):
        hash(secret)


def test_equality_is_by_content() -> None:
    assert SecretBytes.from_text("123456") == SecretBytes.from_text("123456")
    assert SecretBytes.from_text("123456") != SecretBytes.from_text("123457")
    assert SecretBytes.from_text("123456") != b"123456"


def test_a_received_secret_is_zeroed_and_shared_objects_are_not() -> None:
    received = bytes(bytearray(b"246813"))
    wipe_received(received)
    assert received == bytes(6)
    for short in (b"", b"1"):
        wipe_received(short)
    assert bytes(bytearray(b"1")) == b"1"


def test_a_buffer_is_zeroed_in_place() -> None:
    buffer = bytearray(b"246813")
    wipe(buffer)
    assert buffer == bytearray(6)
