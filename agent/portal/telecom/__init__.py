"""Way 3: the mobile operator vouches for a member, on the member's own phone."""
