"""The settings that the command line of ``serve`` may give, as their declarations say."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin

import msgspec

from agent.host.settings.config import Flag, marked


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add an option for each setting with a flag, ``hipki_port`` as ``--hipki-port``.

    What is given arrives together as ``flags``, each value under its setting's name.
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
    """Keeps the value of a setting under its name."""

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
        value = True if self.nargs == 0 else values  # an option without a value is a yes
        namespace.flags = {**namespace.flags, self._setting: value}


def _value(kind: Any, flag: Flag) -> Mapping[str, Any]:
    """Return what argparse must know of a setting's value."""
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
