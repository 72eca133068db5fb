"""Further pages for who looks after the signal: what to do, one action, test purchases, match quality, senders, decisions."""
