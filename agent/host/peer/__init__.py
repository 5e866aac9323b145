"""Who is at the other end of a connection on this computer, and who holds a port."""
