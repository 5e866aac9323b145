"""Secrets in a message, the PIN and PDFs' passwords: how they are read, and told in the schema.

msgspec makes a :class:`SecretBytes` of them, which no message can print.
"""

from typing import Any, Final

from agent.secret import SecretBytes

MAX_PIN: Final = 64  # characters; a card takes fewer and answers pin_length
MAX_PASSWORD: Final = 127  # bytes: no PDF looks at more of it (ISO 32000-2 §7.6.4.3.3)


class PdfPassword(SecretBytes):
    """What opens a PDF, in UTF-8."""

    __slots__ = ()


def decode_custom(kind: type, value: Any) -> Any:
    """Make a secret of a text; the decoder's hook.

    Raises:
        ValueError: not a text, or a longer one; says so without the text.
        NotImplementedError: another type.

    """
    if kind is PdfPassword:
        is_short = isinstance(value, str) and 0 < len(value) <= MAX_PASSWORD
        if not is_short or len(value.encode()) > MAX_PASSWORD:
            raise ValueError(f"Expected `str` of 1 to {MAX_PASSWORD} bytes in UTF-8")
        return PdfPassword.from_text(value)
    if kind is not SecretBytes:
        raise NotImplementedError
    if not isinstance(value, str) or len(value) > MAX_PIN:
        raise ValueError(f"Expected `str` of length <= {MAX_PIN}")
    return SecretBytes.from_text(value)


def schema_custom(kind: type) -> dict[str, Any]:
    """Describe a secret; the schema generator's hook.

    Raises:
        NotImplementedError: another type.

    """
    if kind is PdfPassword:
        return {
            "type": "string",
            "format": "password",
            "minLength": 1,
            "maxLength": MAX_PASSWORD,
            "description": f"at most {MAX_PASSWORD} bytes in UTF-8",
        }
    if kind is not SecretBytes:
        raise NotImplementedError
    return {
        "type": "string",
        "format": "password",
        "maxLength": MAX_PIN,
        "description": "left out to let the agent ask in its own window; goes to a citizen card, "
        "or to the card whose certificate is named: for any other one the window asks",
    }
