"""The way to the card: one interface, PC/SC or virtual, and what sits directly above it."""
