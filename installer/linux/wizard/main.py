"""The command line of the wizard, ``ankong --wizard``: with a window, or without (``--quiet``)."""

import asyncio
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from agent.host.machine import screen_reader
from wizard.command_line import UsageError, WizardOptions, help_text, read_options
from wizard.context import WizardContext
from wizard.errors import WizardError
from wizard.only_one import AlreadyOpenError, only_one
from wizard.quiet import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    complain,
    install_quietly,
    say,
    uninstall_quietly,
)
from wizard.texts import load_texts
from wizard.window import fill_in


def main(arguments: Sequence[str]) -> int:
    """Install, repair or remove the program.

    Args:
        arguments: those after ``--wizard``.

    Returns:
        The exit status: 0 if it is done or was cancelled in a window, 1 if it failed, 2 if the
        command line was not understood or lacks something; without a window also 3 if something is
        left to do, and 130 if it was interrupted.

    """
    _accept_every_text()
    try:
        options = read_options(arguments, os.environ)
    except UsageError as error:
        complain(str(error))
        return EXIT_USAGE
    if options.help:
        say(help_text(options.language, arguments, os.environ).rstrip())
        return EXIT_OK
    context = WizardContext.of_process()
    try:
        with only_one(context.paths.program):
            return _run(context, options)
    except AlreadyOpenError:
        return _tell_open_already(context, options)
    except WizardError as error:
        texts = load_texts(options.language)
        complain(fill_in(texts.trouble[error.code], error.facts))
        return EXIT_FAILED


def _run(context: WizardContext, options: WizardOptions) -> int:
    if options.uninstall and context.installed() is None:
        complain(load_texts(options.language).not_installed)
        return EXIT_FAILED
    if options.quiet:
        return (uninstall_quietly if options.uninstall else install_quietly)(context, options)
    if asyncio.run(screen_reader.runs()):
        complain(load_texts(options.language).no_reader)
    return _show_pages(context, options)


def _tell_open_already(context: WizardContext, options: WizardOptions) -> int:
    complain(load_texts(options.language).open_already)
    if not options.quiet:
        from tkinter import TclError  # noqa: PLC0415  # not needed without a window

        from wizard.notice_page import show_open_already  # noqa: PLC0415  # likewise

        with suppress(TclError):
            show_open_already(context, options.language)
    return EXIT_FAILED


def _show_pages(context: WizardContext, options: WizardOptions) -> int:
    from tkinter import TclError  # noqa: PLC0415  # not needed without a window

    from wizard.install_pages import InstallPages  # noqa: PLC0415  # likewise
    from wizard.removal_pages import RemovalPages  # noqa: PLC0415  # likewise
    from wizard.repair_pages import RepairPages  # noqa: PLC0415  # likewise

    language = options.language
    try:
        wants_removal = options.uninstall
        if not wants_removal:
            pages: InstallPages | RepairPages
            if context.is_this_version():
                pages = RepairPages(context, language, at_once=options.repair)
            else:
                pages = InstallPages(context, language)
            pages.run()
            wants_removal = pages.wants_removal
        if wants_removal:
            RemovalPages(context, language).run()
    except TclError:
        complain(load_texts(language).no_display)
        return EXIT_FAILED
    return EXIT_OK


def _accept_every_text() -> None:
    """Print what the terminal cannot show as its code; a script's terminal may know ASCII only."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
