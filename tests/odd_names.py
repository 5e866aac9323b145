"""Names that people have and that a filter of characters would change."""

NAMES = [
    "王\U0003158e明",  # Unicode 15
    "王\U0002ebf0明",  # Unicode 15.1
    "王\U000323b0明",  # assigned to nothing that this interpreter knows
    "王\ue001明",  # private use, as in files of the household registration
    "王\U000f0001明",
    "王\u3000明",
    "王\ufa19明",  # a compatibility ideograph, which normalisation would exchange
    "Ông So\u030dk",  # Taiwanese
    "O\u0358-lo\u030d",
]

TYPED = [
    *NAMES,
    "葛\U000e0100城",  # an ideograph with the selector of one of its forms
    "辻\U000e0101本\U000e01ef",
    "\uf900明",  # compatibility ideographs, each of which has a unified one beside it
    "\U0002f800明",
    "ＡＢＣ　王",  # full width
    "Ｏ’Ｂｒｉｅｎ",
    "Ông Sȯk",
    "Ng\u0302\u0301",  # decomposed
    "Nguyễn",
    "Kolas\u2027Yotaka",  # the dots that stand in indigenous names
    "Kolas\u00b7Yotaka",
    "Kolas\u2022Yotaka",
    "Kolas\u30fbYotaka",
    "Kolas\uff0eYotaka",
    "夏曼\uff65藍波安",
    "Ljavakaw Dj\u0331",
    "王\U0002ceb0明",  # extensions F, G, H, I and the one after it
    "王\U00030000明",
    "王\U0003134a明",
    "王\U0002ebe0明",
    "王\U00033479明",
    "王\u00a0明",
    "王\u3000\u3000明",
    "〇一",
    "a" * 64,
    "\U00030000" * 64,
]
"""Names that people type, each of which is its own name and is kept character for character."""

SAME_AS_TYPED = {
    " 王小明 ": "王小明",
    "\u3000王小明\u3000": "王小明",
    "\u00a0王小明\t": "王小明",
    "Kolas  Yotaka": "Kolas Yotaka",
    "Kolas \t Yotaka\r\n": "Kolas Yotaka",
}
"""What is typed with blanks that nobody sees, and what is kept of it."""

REFUSED = [
    *("", " ", "\u3000", "\u00a0", "\u200b", "\u3164", "\u0301", "\U000e0100", "\u2800"),
    *("王\u202e明", "王\u202d明", "\u2067王", "\u200f王", "\u061c王", "王\u2069"),
    *("王\0", "王\x07明", "王\x1b[2J", "王\x7f", "王\x85", "王\x1c", "\x1f王", "\x0b王", "王\x0c"),
    *("王\u2028", "\u2029王", "王\u200b明", "王\u200d明", "王\u2060明", "\ufeff王", "王\u00ad明"),
    *("王\ufff9明", "王\uffff", "王\U000e0041明", "王\U000e0001", "王\u034f明", "a" * 65),
]
"""What shows nothing, turns the writing around, breaks the line or is too long."""
