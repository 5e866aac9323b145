"""What the commands of the command line need put together; one file an idea."""
