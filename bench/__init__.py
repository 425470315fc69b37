"""How fast Kith is, measured: `make bench`, or `make bench ONLY=import`."""
