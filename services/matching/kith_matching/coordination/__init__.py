"""What coordinators look after."""
