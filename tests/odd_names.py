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
