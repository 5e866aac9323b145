"""The settings that the command line of ``serve`` may give, as their declarations say."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin

import msgspec

from agent.host.settings.config import Flag, marked


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add an option for each setting with a flag, ``hipki_port`` as ``--hipki-port``."""
    for name, kind, flag in marked(Flag):
        option = f"--{name.replace('_', '-')}"
        plain = get_args(kind)[0]
        if plain is bool:
            parser.add_argument(option, action="store_true", default=None, help=flag.text)
        elif get_origin(plain) is Literal:
            parser.add_argument(option, choices=get_args(plain), help=flag.text)
        else:
            parser.add_argument(
                option, type=_reader(kind, flag), metavar=flag.metavar, help=flag.text
            )


def given_flags(options: argparse.Namespace) -> Mapping[str, object]:
    """Return the settings that a command line gives, each by its name."""
    values = {name: getattr(options, name) for name, _, _ in marked(Flag)}
    return {name: value for name, value in values.items() if value is not None}


def _reader(kind: Any, flag: Flag) -> Callable[[str], object]:
    def read(text: str) -> object:
        try:
            return msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError as error:
            raise argparse.ArgumentTypeError(flag.bounds or str(error)) from error

    return read
