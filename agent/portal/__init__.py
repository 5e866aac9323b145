"""The reference upgrade site, a relying party. Not part of the shipped agent."""
