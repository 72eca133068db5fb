"""Commands of whoever runs a gateway: it kept in another place and brought back, its service, its log."""
