"""The commands of the program, one file an area; each is a plain function that `cli` registers."""
