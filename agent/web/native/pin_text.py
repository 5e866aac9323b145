"""A PIN in a message: what msgspec reads into :class:`SecretBytes`, and how the schema tells it."""

from typing import Any, Final

from agent.secret import SecretBytes

MAX_PIN: Final = 64  # characters; a card takes fewer and answers pin_length


def decode_custom(kind: type, value: Any) -> Any:
    """Make a :class:`SecretBytes` of a PIN; the decoder's hook.

    Raises:
        ValueError: not a text of at most 64 characters; says so without the text.
        NotImplementedError: another type.

    """
    if kind is not SecretBytes:
        raise NotImplementedError
    if not isinstance(value, str) or len(value) > MAX_PIN:
        raise ValueError(f"Expected `str` of length <= {MAX_PIN}")
    return SecretBytes.from_text(value)


def schema_custom(kind: type) -> dict[str, Any]:
    """Describe a PIN; the schema generator's hook.

    Raises:
        NotImplementedError: another type.

    """
    if kind is not SecretBytes:
        raise NotImplementedError
    return {
        "type": "string",
        "format": "password",
        "maxLength": MAX_PIN,
        "description": "left out to let the agent ask in its own window; goes to a citizen card, "
        "or to the card whose certificate is named: for any other one the window asks",
    }
