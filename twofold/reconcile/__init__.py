"""What pays what, and where the money of every order is: matches, the chain, margin, a day's witnesses (pure, and SQL)."""
