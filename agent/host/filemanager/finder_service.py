"""macOS: a service of the user's that the Finder offers for PDFs (Services Implementation Guide).

It is a workflow that runs one line of a shell, in which the files are ``"$@"`` and never part of
the line.
"""

import plistlib
import shlex
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from agent.files import read_file, replace_file
from agent.host.filemanager import VERB
from agent.host.property_list import parse_plist
from agent.host.tls.machine import Machine
from agent.words import SYSTEM, say
from agent.words.language import chosen_language

BUNDLE: Final = "Ankong Sign.workflow"
_IDENTIFIER: Final = "org.ankong.sign-service"
_FILES: Final = '"$@"'
_AS_ARGUMENTS: Final = 1
"""How the workflow's action gets its files."""
_MAX_SIZE: Final = 64 * 1024  # bytes
_ACTION: Final = "com.apple.RunShellScript"


class FinderService:
    """The bundle in the user's library."""

    def __init__(self, command: Sequence[str], machine: Machine) -> None:
        """Start ``command``, by a bundle in the home folder of ``machine``."""
        self._line = f"exec {shlex.join(command)} {_FILES}\n"
        self._bundle = machine.home / "Library" / "Services" / BUNDLE
        self._contents = self._bundle / "Contents"
        self._workflow = self._contents / "document.wflow"

    @property
    def folders(self) -> Sequence[Path]:
        """The user's services."""
        return (self._bundle.parent,)

    def is_on(self) -> bool:
        """Return whether the Finder offers to sign."""
        return bool(self.started())

    def started(self) -> Sequence[str]:
        """Return the program that is started then, and its arguments; empty where none is."""
        try:
            found = parse_plist(read_file(self._workflow, _MAX_SIZE, follow_links=True))
            line = found["actions"][0]["action"]["ActionParameters"]["COMMAND_STRING"]
            words = shlex.split(line)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return ()
        return tuple(word for word in words[1:] if word != "$@")

    def turn_on(self) -> None:
        """Write the bundle."""
        self._contents.mkdir(mode=0o755, parents=True, exist_ok=True)
        name = say(chosen_language(SYSTEM), VERB, {})
        replace_file(self._contents / "Info.plist", plistlib.dumps(_facts(name)), mode=0o644)
        replace_file(self._workflow, plistlib.dumps(_workflow(self._line)), mode=0o644)

    def turn_off(self) -> None:
        """Delete the bundle."""
        if self._bundle.is_symlink():
            self._bundle.unlink()
        with suppress(FileNotFoundError):
            shutil.rmtree(self._bundle)

    def forget(self) -> None:
        """Delete the bundle."""
        self.turn_off()


def _facts(name: str) -> dict[str, Any]:
    return {
        "CFBundleIdentifier": _IDENTIFIER,
        "CFBundleName": name,
        "CFBundlePackageType": "BNDL",
        "CFBundleInfoDictionaryVersion": "6.0",
        "NSServices": [
            {
                "NSMenuItem": {"default": name},
                "NSMessage": "runWorkflowAsService",
                "NSRequiredContext": {"NSApplicationIdentifier": "com.apple.finder"},
                "NSSendFileTypes": ["com.adobe.pdf"],
            }
        ],
    }


def _workflow(line: str) -> dict[str, Any]:
    action = {
        "ActionBundlePath": "/System/Library/Automator/Run Shell Script.action",
        "ActionName": "Run Shell Script",
        "ActionParameters": {
            "COMMAND_STRING": line,
            "CheckedForUserDefaultShell": True,
            "inputMethod": _AS_ARGUMENTS,
            "shell": "/bin/sh",
            "source": "",
        },
        "BundleIdentifier": _ACTION,
        "CFBundleVersion": "2.0.3",
        "CanShowSelectedItemsWhenRun": False,
        "Class Name": "RunShellScriptAction",
    }
    types = "com.apple.Automator.fileSystemObject"
    return {
        "AMApplicationVersion": "2.10",
        "AMDocumentVersion": "2",
        "actions": [{"action": action, "isViewVisible": 1}],
        "connectors": {},
        "workflowMetaData": {
            "serviceApplicationBundleID": "com.apple.finder",
            "serviceInputTypeIdentifier": f"{types}.PDF",
            "serviceOutputTypeIdentifier": "com.apple.Automator.nothing",
            "serviceProcessesInput": 0,
            "workflowTypeIdentifier": "com.apple.Automator.servicesMenu",
        },
    }
