"""The drill: faults under load, and a table of what was lost, doubled or unexpected."""
