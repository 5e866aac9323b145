"""What relying parties are tested with; no part of what is shipped."""
