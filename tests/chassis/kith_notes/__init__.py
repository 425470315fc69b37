"""The smallest service there can be: what the chassis is tried with."""
