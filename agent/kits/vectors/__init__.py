"""Logins that a relying party has to accept, and such as it has to refuse, with the right code.

``python -m agent.kits.vectors`` writes them anew beside this file, octet for octet the same: the
keys are computed from names, so that they are everybody's and prove nothing. ``manifest.json``
says for each case what is expected. Everything good is valid until the end of 2049, because not
every verifier lets its clock be set.
"""
