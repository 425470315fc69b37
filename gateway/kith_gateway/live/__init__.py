"""Subscriptions: what happens on the bus, told to who listens, over WebSockets."""
