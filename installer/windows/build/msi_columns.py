"""The columns of the MSI's tables, as Windows Installer's reference has them.

``s`` is a text, ``l`` a text that is translated, ``i`` an integer, ``v`` bytes; the number after it
is how long it may be, 0 for any length; a capital letter may be empty.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

Row: TypeAlias = tuple[str | int | None, ...]
COLUMNS: Final[Mapping[str, tuple[int, Sequence[str]]]] = {
    **dict.fromkeys(
        (
            *("AdminExecuteSequence", "AdminUISequence", "AdvtExecuteSequence"),
            *("InstallExecuteSequence", "InstallUISequence"),
        ),
        (1, ("Action:s72", "Condition:S255", "Sequence:I2")),
    ),
    "AppSearch": (2, ("Property:s72", "Signature_:s72")),
    "Component": (
        1,
        (
            *("Component:s72", "ComponentId:S38", "Directory_:s72", "Attributes:i2"),
            *("Condition:S255", "KeyPath:S72"),
        ),
    ),
    "CustomAction": (1, ("Action:s72", "Type:i2", "Source:S72", "Target:S255")),
    "Directory": (1, ("Directory:s72", "Directory_Parent:S72", "DefaultDir:l255")),
    "Feature": (
        1,
        (
            *("Feature:s38", "Feature_Parent:S38", "Title:L64", "Description:L255"),
            *("Display:I2", "Level:i2", "Directory_:S72", "Attributes:i2"),
        ),
    ),
    "FeatureComponents": (2, ("Feature_:s38", "Component_:s72")),
    "File": (
        1,
        (
            *("File:s72", "Component_:s72", "FileName:l255", "FileSize:i4"),
            *("Version:S72", "Language:S20", "Attributes:I2", "Sequence:i2"),
        ),
    ),
    "Icon": (1, ("Name:s72", "Data:v0")),
    "LaunchCondition": (1, ("Condition:s255", "Description:l255")),
    "Media": (
        1,
        (
            *("DiskId:i2", "LastSequence:i2", "DiskPrompt:L64", "Cabinet:S255"),
            *("VolumeLabel:S32", "Source:S72"),
        ),
    ),
    "Property": (1, ("Property:s72", "Value:l0")),
    "Registry": (
        1,
        (
            *("Registry:s72", "Root:i2", "Key:l255", "Name:L255", "Value:L0"),
            "Component_:s72",
        ),
    ),
    "RegLocator": (1, ("Signature_:s72", "Root:i2", "Key:s255", "Name:S255", "Type:I2")),
    "ServiceControl": (
        1,
        (
            *("ServiceControl:s72", "Name:l255", "Event:i2", "Arguments:S255", "Wait:I2"),
            "Component_:s72",
        ),
    ),
    "ServiceInstall": (
        1,
        (
            *("ServiceInstall:s72", "Name:s255", "DisplayName:L255", "ServiceType:i4"),
            *("StartType:i4", "ErrorControl:i4", "LoadOrderGroup:S255", "Dependencies:S255"),
            *("StartName:S255", "Password:S255", "Arguments:S255", "Component_:s72"),
            "Description:L255",
        ),
    ),
    "Shortcut": (
        1,
        (
            *("Shortcut:s72", "Directory_:s72", "Name:l128", "Component_:s72", "Target:s72"),
            *("Arguments:S255", "Description:L255", "Hotkey:I2", "Icon_:S72", "IconIndex:I2"),
            *("ShowCmd:I2", "WkDir:S72"),
        ),
    ),
    "_SummaryInformation": (1, ("PropertyId:i2", "Value:l255")),
    "Upgrade": (
        5,
        (
            *("UpgradeCode:s38", "VersionMin:S20", "VersionMax:S20", "Language:S255"),
            *("Attributes:i4", "Remove:S255", "ActionProperty:s72"),
        ),
    ),
}
"""Of each table: how many columns are its key, and each column's name and type."""
