"""How the card's own code says that a command has failed."""


class StatusError(Exception):
    """The command ends with this status word and no data; never leaves the card."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw


class CardPulledError(Exception):
    """The card left the reader in the middle of a command: a door has to say so in its own way."""
