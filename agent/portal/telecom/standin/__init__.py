"""A stand-in for a mobile operator, with a page of its own that asks for consent."""
