"""The reviewer's desk: the pages on which applications of way 4 are looked at and decided."""
