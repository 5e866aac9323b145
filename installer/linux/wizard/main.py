"""The command line of the wizard, ``ankong --wizard``: with a window, or without (``--quiet``)."""

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

from wizard import installed_program, operations, smart_card_service
from wizard.command_line import UsageError, WizardOptions, help_text, read_options
from wizard.context import WizardContext
from wizard.errors import WizardError
from wizard.installed_program import SetupStep
from wizard.only_one import AlreadyOpenError, only_one
from wizard.repair_report import mended_lines
from wizard.texts import load_texts
from wizard.window import fill_in

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2


def main(arguments: Sequence[str]) -> int:
    """Install, repair or remove the program.

    Args:
        arguments: those after ``--wizard``.

    Returns:
        The exit status: 0 if it is done or was cancelled, 1 if it failed, 2 if the command line
        was not understood.

    """
    try:
        options = read_options(arguments, os.environ)
    except UsageError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    if options.help:
        print(help_text(options.language, arguments, os.environ), end="")
        return EXIT_OK
    context = WizardContext.of_process()
    try:
        with only_one(context.paths.program):
            return _run(context, options)
    except AlreadyOpenError:
        return _tell_open_already(context, options)
    except WizardError as error:
        texts = load_texts(options.language)
        print(fill_in(texts.trouble[error.code], error.facts), file=sys.stderr)
        return EXIT_FAILED


def _run(context: WizardContext, options: WizardOptions) -> int:
    if options.uninstall and context.installed() is None:
        print(load_texts(options.language).not_installed, file=sys.stderr)
        return EXIT_FAILED
    if options.quiet:
        return (_uninstall_quietly if options.uninstall else _install_quietly)(context, options)
    return _show_pages(context, options)


def _tell_open_already(context: WizardContext, options: WizardOptions) -> int:
    print(load_texts(options.language).open_already, file=sys.stderr)
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
        print(load_texts(language).no_display, file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


def _install_quietly(context: WizardContext, options: WizardOptions) -> int:
    texts, paths = load_texts(options.language), context.paths
    before = context.installed()
    facts = {"version": context.version, "path": str(paths.program)}
    if before is not None and context.is_downgrade() and not options.downgrade:
        told = {"installed": before.version, **facts}
        print(fill_in(texts.welcome_older, told) + " (--downgrade)", file=sys.stderr)
        return EXIT_FAILED
    if options.repair and context.is_this_version():
        steps = _repair_quietly(context, options)
    else:
        steps = operations.install(context, lambda _: None, lambda _: None, threading.Event())
        print(fill_in(texts.quiet_done, facts))
    if not options.autostart:
        more = installed_program.complete(paths.executable, "--no-autostart", "--no-trust")
        steps = (*steps, *more)
    for step in steps:
        if not step.ok:
            print(step.said(options.language), file=sys.stderr)
    missing = smart_card_service.find_missing()
    if missing:
        print(missing.command or texts.missing_unknown, file=sys.stderr)
    if options.starts:
        with suppress(OSError):
            installed_program.start(paths.executable)
    return EXIT_OK


def _repair_quietly(context: WizardContext, options: WizardOptions) -> Sequence[SetupStep]:
    texts = load_texts(options.language)
    result = operations.repair(context, lambda _: None, lambda _: None, threading.Event())
    facts = {"version": context.version, "path": str(context.paths.program)}
    print(fill_in(texts.quiet_repaired, facts))
    mended = mended_lines(options.language, result.damage, result.steps)
    print(texts.mended if mended else texts.nothing_broken)
    for line in mended:
        print(f"  · {line}")
    return result.steps


def _uninstall_quietly(context: WizardContext, options: WizardOptions) -> int:
    texts = load_texts(options.language)  # now: they go with the program
    steps = operations.uninstall(context, forget=options.forget)
    left = [step for step in steps if not step.ok]
    for step in left:
        print(step.said(options.language), file=sys.stderr)
    if not left:
        print(texts.removed_title)
    return EXIT_FAILED if left else EXIT_OK
