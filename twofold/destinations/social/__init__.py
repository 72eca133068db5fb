"""Networks that shops advertise on beside Meta, one file each. Owns nothing that two of them share: that is in `parts`."""
