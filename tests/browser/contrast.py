"""How much two colours of a page differ: what the judges of a page share, in its own language."""

from typing import Final

CONTRAST: Final = """
    // The contrast ratio of two colours (WCAG 2.2), and the colour that is behind an element.
    const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const luminance = (colour) => numbers(colour).slice(0, 3).map((each) => each / 255)
        .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
        .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0);
    const ratio = (one, other) => {
        const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
        return (light + 0.05) / (dark + 0.05);
    };
    const behind = (element) => {
        for (let each = element; each; each = each.parentElement) {
            const colour = getComputedStyle(each).backgroundColor;
            if ((numbers(colour)[3] ?? 1) === 1) return colour;
        }
        return matchMedia("(prefers-color-scheme: dark)").matches
            && getComputedStyle(document.documentElement).colorScheme.includes("dark")
            ? "rgb(18, 18, 18)" : "rgb(255, 255, 255)";
    };
"""
"""Statements for the begin of a function: ``ratio`` and ``behind``."""
