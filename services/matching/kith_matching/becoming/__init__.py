"""Who becomes a mentor: who helps others already, and how many mentees did."""
