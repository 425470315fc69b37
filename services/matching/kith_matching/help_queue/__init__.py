"""Help with one thing, by whoever takes it first."""
