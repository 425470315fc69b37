"""What any event-driven service needs: database, bus, identity, errors, health."""
