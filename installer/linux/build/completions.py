"""What completes command lines, for Linux: made of the commands themselves, in English."""

_PLACES = {
    "bash-completion/completions/ankong": "bash",
    "fish/vendor_completions.d/ankong.fish": "fish",
    "zsh/site-functions/_ankong": "zsh",  # Fedora
    "zsh/vendor-completions/_ankong": "zsh",  # Debian
}
"""Each place below ``/usr/share`` where a shell looks by itself, and which."""
_OF_ONE = ("bash", "fish")
"""Those that look below ``~/.local/share`` too; zsh looks in no folder of the user's by itself."""


def completions(*, for_one: bool = False) -> dict[str, str]:
    """Return the scripts by their places below ``share``.

    Args:
        for_one: whether one user installs it, not the administrator for all.

    """
    from agent.cli import COMMANDS, Command, parser_of  # noqa: PLC0415  # the chores run without it
    from agent.commands.completion_model import described  # noqa: PLC0415  # likewise
    from agent.commands.completion_scripts import WRITERS  # noqa: PLC0415  # likewise
    from agent.commands.tongue import speaking  # noqa: PLC0415  # likewise
    from agent.words import SOURCE  # noqa: PLC0415  # likewise

    with speaking(SOURCE):
        shapes = described(parser_of((*COMMANDS, Command("tray", "tray.command"))))
        return {
            place: WRITERS[shell](shapes)
            for place, shell in _PLACES.items()
            if shell in _OF_ONE or not for_one
        }
