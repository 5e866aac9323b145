"""The machine that the agent lives on: files, processes, certificates stores."""
