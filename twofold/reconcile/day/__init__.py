"""One day as four report it: the platform, the shop, GA4 and our own log, each bridged to the ledger's orders."""
