"""The heavy questions of the money pages, each in a child process that may take its memory and its time.

Start reading at `task`: what a page asks. They use what the commands use (`reconcile`), so that a page and a command agree.
"""
