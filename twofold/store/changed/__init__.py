"""Which days have changed, so that what is derived from the store is made again for those alone."""
