"""Draw check boxes with a tick: those of the theme show a cross, which may be read as "no"."""

import tkinter as tk
from collections.abc import Sequence
from tkinter import ttk

from tray.icon.drawing import Canvas, Colour, Spans, polygon, rounded
from tray.prompt.style import LIGHT, Style

STYLE = "Wizard.TCheckbutton"
_ELEMENT = "Wizard.box"
_SIZE = 1.15  # ems
_SPACE = 0.55  # ems between the box and its text
# In a square of 32 units.
_OUTSIDE = rounded(1.0, 1.0, 31.0, 31.0, 6.0)
_INSIDE = rounded(3.4, 3.4, 28.6, 28.6, 4.0)
_TICK = polygon(((7.4, 16.6), (10.4, 13.6), (14.0, 17.2), (22.0, 8.8), (25.0, 11.8), (14.0, 23.4)))


def theme_check_boxes(theme: ttk.Style, root: tk.Tk, style: Style) -> Sequence[tk.PhotoImage]:
    """Define the style ``Wizard.TCheckbutton``; return its pictures.

    The caller has to keep them: Tk shows nothing of a picture that Python has freed.
    """
    size = style.gap(_SIZE)
    edge, brand, paper = (_numbers(name) for name in (LIGHT.edge, LIGHT.brand, LIGHT.paper))
    space = style.gap(_SPACE)
    empty = _picture(root, (size, space), [(_OUTSIDE, edge), (_INSIDE, paper)])
    ticked = _picture(root, (size, space), [(_OUTSIDE, brand), (_TICK, paper)])
    theme.element_create(_ELEMENT, "image", empty, ("selected", ticked), sticky="w")
    theme.layout(
        STYLE,
        [
            (
                "Checkbutton.padding",
                {
                    "sticky": "nswe",
                    "children": [
                        (_ELEMENT, {"side": "left", "sticky": ""}),
                        (
                            "Checkbutton.focus",
                            {
                                "side": "left",
                                "sticky": "",
                                "children": [("Checkbutton.label", {"sticky": "nswe"})],
                            },
                        ),
                    ],
                },
            )
        ],
    )
    theme.configure(
        STYLE,
        font=style.body,
        padding=style.gap(0.25),
        background=LIGHT.paper,
        foreground=LIGHT.ink,
        focuscolor=LIGHT.ink,
    )
    theme.map(STYLE, background=[("active", LIGHT.paper)], foreground=[("active", LIGHT.ink)])
    return empty, ticked


def _picture(
    root: tk.Tk, size: tuple[int, int], shapes: Sequence[tuple[Spans, Colour]]
) -> tk.PhotoImage:
    """Return a box of ``size[0]`` pixels with ``size[1]`` pixels of background at its right."""
    side, space = size
    canvas = Canvas(side)
    for shape, colour in shapes:
        canvas.paint(shape, colour)
    pixels = canvas.rgba()
    rows = []
    for start in range(0, len(pixels), side * 4):
        row = [_on_paper(pixels[at : at + 4]) for at in range(start, start + side * 4, 4)]
        rows.append("{" + " ".join([*row, *[LIGHT.paper] * space]) + "}")
    picture = tk.PhotoImage(master=root, width=side + space, height=side)
    picture.put(" ".join(rows))
    return picture


def _on_paper(pixel: bytes) -> str:
    """Return a pixel blended with the white background."""
    opacity = pixel[3] / 255
    mixed = (round(channel * opacity + 255 * (1 - opacity)) for channel in pixel[:3])
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def _numbers(colour: str) -> Colour:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
