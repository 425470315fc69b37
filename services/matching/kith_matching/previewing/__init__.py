"""What a change of weights or rules would do, before it is made."""
