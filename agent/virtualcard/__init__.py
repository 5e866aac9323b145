"""A smart card without the card: for testing, behind two doors."""
