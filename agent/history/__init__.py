"""What was done with the citizen's cards: an append-only record."""
