"""The windows that ask the citizen, each a short-lived process of its own."""
