"""Way 2, at the counter: a clerk looks at documents and makes the member gold."""
