"""What happens in a pairing from the day it is accepted to the day it ends."""
