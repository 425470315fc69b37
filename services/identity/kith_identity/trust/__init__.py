"""What keeps members safe from each other: blocks, and reports that moderators look into."""
