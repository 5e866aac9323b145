"""Colours, fonts and sizes of the windows.

Every text has a contrast of at least 7:1 to what is behind it (WCAG 2.2 §1.4.6, level AAA).
"""

import ctypes
import sys
import tkinter as tk
from collections.abc import Mapping
from dataclasses import dataclass
from tkinter import font as tk_font
from tkinter import ttk
from typing import Final

from tray.prompt.wrap import wrap

WIDTH: Final = 33
"""The default width of a text, in ems."""
_FAMILIES: Final = (  # the first installed one is used; each has Chinese and Latin letters
    "Microsoft JhengHei UI",
    "PingFang TC",
    "Noto Sans CJK TC",
    "Noto Sans TC",
    "Source Han Sans TC",
    "WenQuanYi Micro Hei",
)
_LEAST_SCALING: Final = 1.0  # pixels of a point: three quarters of what a usual screen has
_LEAST_STEP: Final = 1.03  # sizes of text are whole pixels: a smaller step may change nothing
_SPI_GETHIGHCONTRAST: Final = 0x0042  # <winuser.h>
_HCF_HIGHCONTRASTON: Final = 1


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as ``#rrggbb``; ``on_x`` is the colour of text on the background ``x``."""

    paper: str
    ink: str
    muted: str
    panel: str
    line: str
    edge: str
    brand: str
    on_brand: str
    brand_pressed: str
    danger: str
    on_danger: str
    danger_panel: str
    on_danger_panel: str
    warning_panel: str
    on_warning_panel: str


LIGHT: Final = Palette(
    paper="#ffffff",
    ink="#14213a",
    muted="#46526a",
    panel="#f1f5fb",
    line="#d3dcea",
    edge="#5d6c86",
    brand="#0b4a94",
    on_brand="#ffffff",
    brand_pressed="#083870",
    danger="#97180f",
    on_danger="#ffffff",
    danger_panel="#fdecea",
    on_danger_panel="#7c120b",
    warning_panel="#fff3d1",
    on_warning_panel="#553800",
)
HIGH_CONTRAST: Final = Palette(
    paper="#000000",
    ink="#ffffff",
    muted="#ffffff",
    panel="#000000",
    line="#ffffff",
    edge="#ffffff",
    brand="#ffff00",
    on_brand="#000000",
    brand_pressed="#ffffff",
    danger="#ffb3ab",
    on_danger="#000000",
    danger_panel="#000000",
    on_danger_panel="#ffb3ab",
    warning_panel="#000000",
    on_warning_panel="#ffff00",
)


def system_palette(environment: Mapping[str, str]) -> Palette:
    """Return the colours: of high contrast where the system is set to it.

    Args:
        environment: the variables of the process; Linux desktops set ``GTK_THEME``.

    """
    if _windows_high_contrast():
        return HIGH_CONTRAST
    theme = environment.get("GTK_THEME", "").replace("-", "").lower()
    return HIGH_CONTRAST if "highcontrast" in theme else LIGHT


def _windows_high_contrast() -> bool:
    if sys.platform == "win32":
        setting = _HighContrast(ctypes.sizeof(_HighContrast), 0, None)
        get_parameter = ctypes.windll.user32.SystemParametersInfoW
        get_parameter(_SPI_GETHIGHCONTRAST, setting.cbSize, ctypes.byref(setting), 0)
        return bool(setting.dwFlags & _HCF_HIGHCONTRASTON)
    return False


class _HighContrast(ctypes.Structure):
    """HIGHCONTRASTW (<winuser.h>)."""

    _fields_ = (
        ("cbSize", ctypes.c_uint),
        ("dwFlags", ctypes.c_uint),
        ("lpszDefaultScheme", ctypes.c_void_p),
    )


class Style:
    """Palette, fonts and sizes of one window.

    Attributes:
        palette: the colours.
        body: font of most texts.
        strong: the same, bold.
        small: for what matters less.
        title: for the question.
        host: for who asks.
        before_domain: for what stands before the domain in it.
        mono: for fingerprints.
        em: pixels, the width of an ideograph in the body font; every size is made of it.

    """

    def __init__(self, root: tk.Tk, palette: Palette) -> None:
        self.palette = palette
        family = _family(root)
        size = 11 if sys.platform != "darwin" else 14
        self.body = tk_font.Font(root, family=family, size=size)
        self.strong = tk_font.Font(root, family=family, size=size, weight="bold")
        self.small = tk_font.Font(root, family=family, size=size - 2)
        self.title = tk_font.Font(root, family=family, size=size + 5, weight="bold")
        self.host = tk_font.Font(root, family=family, size=size + 4, weight="bold")
        self.before_domain = tk_font.Font(root, family=family, size=size + 4)
        self.em = self.body.measure("國")
        _theme(root, self)

    def gap(self, ems: float) -> int:
        """Return a length in ems as pixels, at least 1."""
        return max(1, round(self.em * ems))

    def label(
        self,
        text: str,
        parent: tk.Misc,
        font: tk_font.Font,
        colours: tuple[str, str],
        ems: float = WIDTH,
    ) -> tk.Label:
        """Return a label whose text is wrapped by :func:`~tray.prompt.wrap.wrap`.

        Args:
            text: paragraphs, separated by line breaks.
            parent: the widget around it; the caller packs the label.
            font: one of this style's.
            colours: of the text and of its background.
            ems: the width of a line.

        """
        front, back = colours
        width = self.gap(ems)
        return tk.Label(
            parent,
            text="\n".join(wrap(line, font.measure, width) for line in text.split("\n")),
            font=font,
            foreground=front,
            background=back,
            justify="left",
            anchor="w",
            borderwidth=0,  # with Tk's own border a full line would be cut
            padx=0,
        )


def shrink_text(root: tk.Tk, times: float) -> bool:
    """Make everything so many times smaller in windows that are built from now on.

    Return False, and change nothing, where it is as small as can be read already.
    """
    scaling = float(root.tk.call("tk", "scaling"))
    smaller = max(_LEAST_SCALING, scaling / max(times, _LEAST_STEP))
    if smaller >= scaling:
        return False
    root.tk.call("tk", "scaling", smaller)
    return True


def _family(root: tk.Tk) -> str:
    installed = set(tk_font.families(root))
    fallback: str = tk_font.nametofont("TkDefaultFont", root).actual("family")
    return next((family for family in _FAMILIES if family in installed), fallback)


def _theme(root: tk.Tk, style: Style) -> None:
    """Define ttk's styles of buttons, check box and choice; each shows the focus."""
    palette = style.palette
    theme = ttk.Style(root)
    theme.theme_use("clam")
    padding = (style.gap(1.0), style.gap(0.45))
    kinds = {
        "Primary.TButton": (palette.brand, palette.on_brand, palette.brand_pressed),
        "Danger.TButton": (palette.danger, palette.on_danger, palette.on_danger_panel),
        "Plain.TButton": (palette.paper, palette.ink, palette.panel),
        "Quiet.TButton": (palette.paper, palette.danger, palette.danger_panel),
        "Small.TButton": (palette.panel, palette.ink, palette.paper),
    }
    for name, (back, front, pressed) in kinds.items():
        filled = name.startswith(("Primary", "Danger"))
        edge = back if filled else palette.edge
        theme.configure(
            name,
            font=style.strong if filled else style.body,
            padding=padding,
            relief="solid",
            borderwidth=1,
            focusthickness=style.gap(0.12),
        )
        _colour(theme, name, back, front, edge)
        pressed_front = palette.paper if filled and pressed == palette.ink else front
        theme.map(
            name,
            background=[("disabled", palette.panel), ("active", pressed), ("pressed", pressed)],
            foreground=[("disabled", palette.muted), ("active", pressed_front)],
            bordercolor=[("disabled", palette.line), ("focus", palette.ink)],
            focuscolor=[("focus", front), ("!focus", back)],
        )
    theme.configure("Small.TButton", font=style.small, padding=(style.gap(0.7), 0))
    for name in ("Confirm.TCheckbutton", "Choice.TRadiobutton"):
        _theme_check(theme, style, name)
    _theme_bar(theme, style)


def _theme_check(theme: ttk.Style, style: Style, name: str) -> None:
    palette = style.palette
    theme.configure(
        name,
        font=style.body,
        padding=style.gap(0.3),
        indicatorsize=style.gap(1.0),
        indicatormargin=(0, 0, style.gap(0.6), 0),
        indicatorbackground=palette.paper,
        indicatorforeground=palette.brand,
        upperbordercolor=palette.edge,
        lowerbordercolor=palette.edge,
        focuscolor=palette.ink,
        background=palette.paper,
        foreground=palette.ink,
    )
    theme.map(
        name,
        background=[("active", palette.paper)],
        foreground=[("active", palette.ink)],
        indicatorbackground=[("selected", palette.paper), ("active", palette.panel)],
    )


def _theme_bar(theme: ttk.Style, style: Style) -> None:
    palette, bar = style.palette, "Vertical.TScrollbar"
    _colour(theme, bar, palette.panel, palette.ink, palette.edge)
    theme.configure(bar, troughcolor=palette.paper, arrowcolor=palette.ink, gripcount=0)
    theme.map(bar, background=[("disabled", palette.paper), ("active", palette.line)])


def _colour(theme: ttk.Style, name: str, back: str, front: str, edge: str) -> None:
    theme.configure(name, background=back, foreground=front, bordercolor=edge)
    theme.configure(name, darkcolor=back, lightcolor=back, focuscolor=front)
