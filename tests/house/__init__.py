"""How the code is kept, in figures: ``make house`` prints them and fails where one got worse."""
