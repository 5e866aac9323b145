"""The wizard of the self-extracting installer, and its uninstaller; frozen with the program.

Neither the agent nor the tray imports it: ``installer/linux/start.py`` starts it.
"""
