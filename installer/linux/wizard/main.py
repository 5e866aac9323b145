"""The command line of the wizard, ``ankong --wizard``: with a window, or without (``--quiet``)."""

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

from agent.words.language import CHOICES, SYSTEM, Language, chosen_language
from wizard import installed_program, operations, smart_card_service
from wizard.context import WizardContext
from wizard.errors import WizardError
from wizard.texts import load_texts
from wizard.window import fill_in

EXIT_OK = 0
EXIT_FAILED = 1
QUIET_VARIABLE = "ANKONG_QUIET"
"""Environment variable that the self-extracting file sets when it was run with --quiet."""


def main(arguments: Sequence[str]) -> int:
    """Install or remove the program.

    Args:
        arguments: those after ``--wizard``.

    Returns:
        The exit status: 0 if it is done or was cancelled, 1 if it failed.

    """
    options = _parser().parse_args(arguments)
    language = chosen_language(options.language)
    context = WizardContext.of_process()
    try:
        if options.uninstall:
            return _uninstall(context, options, language)
        return _install(context, options, language)
    except WizardError as error:
        print(fill_in(load_texts(language).trouble[error.code], error.facts), file=sys.stderr)
        return EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ankong", description="install the agent for this user, or remove it"
    )
    parser.add_argument("--uninstall", action="store_true", help="remove it")
    parser.add_argument("--quiet", action="store_true", help="ask nothing, open no window")
    parser.add_argument("--forget", action="store_true", help="remove history and sites too")
    parser.add_argument(
        "--downgrade", action="store_true", help="replace a newer version without asking"
    )
    parser.add_argument("--no-start", action="store_true", help="do not start it afterwards")
    parser.add_argument(
        "--no-autostart", action="store_true", help="do not start it when the user signs in"
    )
    parser.add_argument(
        "--language",
        choices=CHOICES,
        default=SYSTEM,
        help="of all texts (default: the system's)",
    )
    return parser


def _install(context: WizardContext, options: argparse.Namespace, language: Language) -> int:
    if not (options.quiet or os.environ.get(QUIET_VARIABLE)):
        from tkinter import TclError  # noqa: PLC0415  # not needed without a window

        from wizard.install_pages import InstallPages  # noqa: PLC0415  # likewise

        try:
            pages = InstallPages(context, language)
        except TclError:
            print(load_texts(language).no_display, file=sys.stderr)
            return EXIT_FAILED
        pages.run()
        return EXIT_OK
    return _install_quietly(context, options, language)


def _install_quietly(
    context: WizardContext, options: argparse.Namespace, language: Language
) -> int:
    texts = load_texts(language)
    before = context.installed()
    if before is not None and context.is_downgrade() and not options.downgrade:
        facts = {"installed": before.version, "version": context.version}
        print(fill_in(texts.welcome_older, facts) + " (--downgrade)", file=sys.stderr)
        return EXIT_FAILED
    steps = operations.install(context, lambda _: None, lambda _: None, threading.Event())
    paths = context.paths
    if options.no_autostart:
        steps = (
            *steps,
            *installed_program.complete(paths.executable, "--no-autostart", "--no-trust"),
        )
    facts = {"version": context.version, "path": str(paths.program)}
    print(fill_in(texts.quiet_done, facts))
    for step in steps:
        if not step.ok:
            print(step.said(language), file=sys.stderr)
    missing = smart_card_service.find_missing()
    if missing:
        print(missing.command or texts.missing_unknown, file=sys.stderr)
    if not options.no_start:
        with suppress(OSError):
            installed_program.start(paths.executable)
    return EXIT_OK


def _uninstall(context: WizardContext, options: argparse.Namespace, language: Language) -> int:
    texts = load_texts(language)
    if context.installed() is None:
        print(texts.not_installed, file=sys.stderr)
        return EXIT_FAILED
    if not options.quiet:
        from tkinter import TclError  # noqa: PLC0415  # not needed without a window

        from wizard.removal_pages import RemovalPages  # noqa: PLC0415  # likewise

        try:
            removal = RemovalPages(context, language)
        except TclError:
            print(load_texts(language).no_display, file=sys.stderr)
            return EXIT_FAILED
        removal.run()
        return EXIT_OK
    steps = operations.uninstall(context, forget=options.forget)
    left = [step for step in steps if not step.ok]
    for step in left:
        print(step.said(language), file=sys.stderr)
    if not left:
        print(texts.removed_title)
    return EXIT_FAILED if left else EXIT_OK
