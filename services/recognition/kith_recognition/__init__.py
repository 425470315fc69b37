"""Thanks that mean something."""
