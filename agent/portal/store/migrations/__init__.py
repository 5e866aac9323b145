"""The migrations, one file a step; they are run, never imported by the service."""
