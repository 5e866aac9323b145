"""Find out about newer versions: a signed manifest, fetched daily if an address is configured.

Nothing else is downloaded, nothing is run, and nothing about the citizen is sent.
"""
