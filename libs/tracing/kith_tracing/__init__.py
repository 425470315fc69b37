"""Traces: ids that go on everywhere, and spans where somebody collects them."""
