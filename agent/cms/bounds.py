"""Maximum lengths of the parts of a message."""

MAX_NONCE = 64  # bytes
MAX_CARD_SERIAL = 64  # characters
