"""A small service beside a site's own server: it verifies logins and documents, and keeps nothing.

For sites whose language has no package of ours. It asks nobody who a request comes from but the
keys of its configuration, issues no challenges, and takes no keys of anybody.
"""
