"""The identity service ICS: client, XML, and a stand-in."""
