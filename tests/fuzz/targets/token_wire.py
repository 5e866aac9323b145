"""What goes between the agent and the process in which a token's module runs."""

from collections.abc import Iterator

from agent.cards.pkcs11.token_wire import (
    HEAD_LENGTH,
    ListSlots,
    LoadModule,
    ModuleRefusal,
    Reason,
    TokenSignatures,
    WireError,
    decode_answer,
    decode_head,
    decode_request,
    encode,
)

REFUSALS = (WireError,)
LONGEST = 70_000


def one(data: bytes) -> str:
    kind, length, secret = decode_head(data[:HEAD_LENGTH])
    body = data[HEAD_LENGTH : HEAD_LENGTH + length]
    found = (decode_answer if kind >= 128 else decode_request)(kind, body)
    again = encode(found, secret)
    assert decode_head(again[:HEAD_LENGTH])[0] == kind
    return type(found).__name__


def seeds() -> Iterator[tuple[bytes, str]]:
    yield encode(LoadModule("/usr/lib/module.so")), "LoadModule"
    yield encode(ListSlots()), "ListSlots"
    yield encode(ModuleRefusal(next(iter(Reason)), "no token")), "ModuleRefusal"
    yield encode(TokenSignatures((bytes(256), bytes(72)))), "TokenSignatures"
