"""How long the parts of a message may be."""

MAX_NONCE = 64  # bytes
MAX_CARD_SERIAL = 64  # characters
