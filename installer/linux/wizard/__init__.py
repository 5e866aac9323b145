"""The wizard of the self-extracting installer, and its uninstaller; frozen with the program.

Neither the agent nor the tray knows of it: ``installer/linux/start.py`` enters it before them.
"""
