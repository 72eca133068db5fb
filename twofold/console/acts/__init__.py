"""What people change on the pages of signal and set-up: each act is an entry of the chained log, with who did it."""
