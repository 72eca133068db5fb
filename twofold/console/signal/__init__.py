"""The slow questions of the signal pages, each in a child process, so that no page waits for the console's own interpreter meanwhile.

Start reading at `task`: what a page asks. They use what the commands use (`report`, `router`), so that a page and a command agree.
"""
