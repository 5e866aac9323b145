"""The errors that the card's own code raises."""


class StatusError(Exception):
    """A command failed with this status word; caught in :class:`VirtualCard`."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw


class CardPulledError(Exception):
    """The card was removed during a command; each way of access reports it in its own way."""
