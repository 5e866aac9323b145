"""Set the program up for one user, and undo that before an uninstaller removes the program.

Installers call it by ``ankong setup``. It uses ``agent.host`` for certificates, trust stores,
autostart and the running agent, and ``agent.words`` for what people read; cards and signing are
none of its business. Nothing is exported here: the parts load trust stores and cryptography, and
the Linux wizard needs only :mod:`agent.setup.folders`.
"""
