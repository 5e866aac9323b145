"""Way 4: an application online, with pictures of a document, decided by a reviewer."""
