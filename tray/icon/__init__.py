"""The icon and its menu, on every desktop."""
