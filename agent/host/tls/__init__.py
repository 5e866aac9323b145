"""The local certificate, and one file per trust store, all with the same verbs."""
