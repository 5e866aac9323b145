"""How many small faults in the code the tests nearest to it notice (``make mutants``)."""
