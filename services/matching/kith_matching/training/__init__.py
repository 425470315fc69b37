"""What participants must have read or done before their first pairing in a program."""
