"""Who takes part and who was paired before, from lists: judged row by row, the same rows twice change nothing."""
