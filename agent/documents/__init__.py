"""Documents of the person at this computer: signed and verified without a page that asks."""
