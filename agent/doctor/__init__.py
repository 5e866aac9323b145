"""``ankong doctor``: finds what is wrong, says it in words, and repairs what it can."""
