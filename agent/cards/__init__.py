"""The card drivers: what a citizen card can do, whichever generation it is."""
