"""The wizard's command line: ``ankong --wizard``, with pages or quietly."""

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

from agent.words.language import CHOICES, SYSTEM, Language, chosen_language
from wizard import program, service, work
from wizard.errors import WizardError
from wizard.situation import Situation
from wizard.texts import load_texts
from wizard.window import filled

EXIT_OK = 0
EXIT_FAILED = 1
QUIET_VARIABLE = "ANKONG_QUIET"
"""Set by the self-extracting file, which takes --quiet for itself."""


def main(arguments: Sequence[str]) -> int:
    """Install or remove; return the exit status: 0 done or cancelled, 1 failed."""
    options = _parser().parse_args(arguments)
    language = chosen_language(options.language)
    situation = Situation.here()
    try:
        if options.uninstall:
            return _uninstall(situation, options, language)
        return _install(situation, options, language)
    except WizardError as error:
        print(filled(load_texts(language).trouble[error.code], error.facts), file=sys.stderr)
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
        "--language", choices=CHOICES, default=SYSTEM, help="speak it (default: the system's)"
    )
    return parser


def _install(situation: Situation, options: argparse.Namespace, language: Language) -> int:
    if not (options.quiet or os.environ.get(QUIET_VARIABLE)):
        from tkinter import TclError  # noqa: PLC0415  # not where nobody looks

        from wizard.install_pages import InstallPages  # noqa: PLC0415  # likewise

        try:
            pages = InstallPages(situation, language)
        except TclError:
            print(load_texts(language).no_display, file=sys.stderr)
            return EXIT_FAILED
        pages.run()
        return EXIT_OK
    return _install_quietly(situation, options, language)


def _install_quietly(situation: Situation, options: argparse.Namespace, language: Language) -> int:
    texts = load_texts(language)
    before = situation.before()
    if before is not None and situation.is_downgrade() and not options.downgrade:
        facts = {"installed": before.version, "version": situation.version}
        print(filled(texts.welcome_older, facts) + " (--downgrade)", file=sys.stderr)
        return EXIT_FAILED
    steps = work.install(situation, lambda _: None, lambda _: None, threading.Event())
    paths = situation.paths
    if options.no_autostart:
        steps = (*steps, *program.complete(paths.executable, "--no-autostart", "--no-trust"))
    facts = {"version": situation.version, "path": str(paths.program)}
    print(filled(texts.quiet_done, facts))
    for step in steps:
        if not step.ok:
            print(step.said(language), file=sys.stderr)
    missing = service.look()
    if missing:
        print(missing.command or texts.missing_unknown, file=sys.stderr)
    if not options.no_start:
        with suppress(OSError):
            program.start(paths.executable)
    return EXIT_OK


def _uninstall(situation: Situation, options: argparse.Namespace, language: Language) -> int:
    texts = load_texts(language)
    if situation.before() is None:
        print(texts.not_installed, file=sys.stderr)
        return EXIT_FAILED
    if not options.quiet:
        from tkinter import TclError  # noqa: PLC0415  # not where nobody looks

        from wizard.removal_pages import RemovalPages  # noqa: PLC0415  # likewise

        try:
            removal = RemovalPages(situation, language)
        except TclError:
            print(load_texts(language).no_display, file=sys.stderr)
            return EXIT_FAILED
        removal.run()
        return EXIT_OK
    steps = work.uninstall(situation, forget=options.forget)
    left = [step for step in steps if not step.ok]
    for step in left:
        print(step.said(language), file=sys.stderr)
    if not left:
        print(texts.removed_title)
    return EXIT_FAILED if left else EXIT_OK
