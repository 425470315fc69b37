"""Finds and mends what lies between the databases and the stream."""
