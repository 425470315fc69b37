"""How much mentors carry, and what spares who carries too much."""
