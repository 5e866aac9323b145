"""Command-line options of ``serve``, made from the declarations of the settings."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin

import msgspec

from agent.host.settings.config import Flag, marked


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add an option for each setting marked with a ``Flag``: ``--hipki-port`` for ``hipki_port``.

    The options that are given are parsed into one dict, ``flags``, by name of the setting.
    """
    for name, kind, flag in marked(Flag):
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            action=_Give,
            setting=name,
            dest="flags",
            default={},
            help=flag.text,
            **_value(kind, flag),
        )


class _Give(argparse.Action):
    """Stores the value of an option in ``flags``, under the name of its setting."""

    def __init__(self, *args: Any, setting: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._setting = setting

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002  # argparse calls it so
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,  # noqa: ARG002  # likewise
    ) -> None:
        value = True if self.nargs == 0 else values  # an option without a value switches it on
        namespace.flags = {**namespace.flags, self._setting: value}


def _value(kind: Any, flag: Flag) -> Mapping[str, Any]:
    """Return the arguments of ``add_argument`` that describe the value of a setting."""
    plain = get_args(kind)[0]
    if plain is bool:
        return {"nargs": 0}
    if get_origin(plain) is Literal:
        return {"choices": get_args(plain)}
    return {"type": _reader(kind, flag), "metavar": flag.metavar}


def _reader(kind: Any, flag: Flag) -> Callable[[str], object]:
    def read(text: str) -> object:
        try:
            return msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError as error:
            raise argparse.ArgumentTypeError(flag.bounds or str(error)) from error

    return read
