"""What members do about their own account: contacts, card, data, closing it."""
