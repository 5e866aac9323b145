"""What fields of the native API's messages have in common."""

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

# Python's `$` also matches before a last line feed, ECMAScript's does not: the end, in both.
END: Final = r"(?!\n)$"

Text: TypeAlias = Annotated[
    str,
    # Shown to the citizen: no control characters and nothing that reorders what they read
    # (UAX #9: U+202A to U+202E, U+2066 to U+2069), no lone line or paragraph separators.
    Meta(
        min_length=1,
        max_length=255,
        pattern=r"^[^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*" + END,
    ),
]
Thumbprint: TypeAlias = Annotated[
    str,
    Meta(pattern="^[0-9a-f]{64}" + END, description="SHA-256 of the certificate, lower-case hex"),
]
Base64: TypeAlias = Annotated[bytes, Meta(description="base64")]


SignatureAlgorithm: TypeAlias = Literal[
    "sha1WithRSAEncryption",
    "sha256WithRSAEncryption",
    "sha384WithRSAEncryption",
    "sha512WithRSAEncryption",
    "ecdsa-with-SHA256",
    "ecdsa-with-SHA384",
    "ecdsa-with-SHA512",
]
"""By the names of RFC 8017 appendix A.2.4 and RFC 5758 §3.2."""


class Params(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of all parameters: nothing unknown is let pass."""
