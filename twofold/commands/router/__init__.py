"""Commands about signal that is lost or wrong: what is wrong, and worlds in which that is known."""
