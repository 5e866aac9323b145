"""Who may ask: the answers, the questions, and the queue they wait in."""
