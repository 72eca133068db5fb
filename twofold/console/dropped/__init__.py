"""Files that people drop: held in memory only, read by a child process, kept as lines or orders when somebody says so.

Start reading at `held`: what becomes of one file. `form` takes it off the wire, `task` is what the child is told and tells.
"""
