"""ISO 7816: commands, status words and data objects. Bytes in, bytes out; no I/O."""
