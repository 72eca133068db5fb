"""What the sandbox makes of the traffic: diagnostics, match quality, findings."""
