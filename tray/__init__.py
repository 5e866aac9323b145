"""The icon and its windows."""
