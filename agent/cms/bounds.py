"""Maximum lengths of certificates and of the parts of a message."""

MAX_NONCE = 64  # bytes
MAX_CARD_SERIAL = 64  # characters
MAX_CERTIFICATE = 64 * 1024  # bytes
