"""Pauses: no new pairing and no silence counted, until a day or until further notice; nothing else is lost."""
