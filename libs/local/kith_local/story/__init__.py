"""The main job, end to end through GraphQL: from a member list to pairings, circles, thanks and a health report."""
