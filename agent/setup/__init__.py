"""What an installer leaves to the program itself: setting it up for this user, and undoing that."""
