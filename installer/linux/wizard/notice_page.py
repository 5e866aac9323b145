"""A window of one page that says why nothing is done."""

from agent.words.language import Language
from wizard.context import WizardContext
from wizard.texts import load_texts
from wizard.window import WizardWindow


def show_open_already(context: WizardContext, language: Language) -> None:
    """Say that another wizard is open, and return when that was read.

    Args:
        context: of this wizard.
        language: of the texts.

    Raises:
        tk.TclError: there is no display.

    """
    texts = load_texts(language)
    window = WizardWindow(
        texts.product, [texts.open_already_title], context.icons / "ankong-64.png"
    )
    window.begin(texts.open_already_title, 0)
    window.notice(texts.open_already)
    window.button(texts.close, window.close, "Primary").focus_set()
    window.on_cancel(window.close)
    window.run()
