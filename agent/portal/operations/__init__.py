"""What an operator needs: the command, health, metrics, logs, backup and purge."""
