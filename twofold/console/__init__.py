"""The console: pages for people, in a process of its own beside the gateway.

Start reading at `app`: which addresses there are, who may see each, and what every answer carries. ``access`` knows the
people, ``queries`` reads the data folder, ``pages`` turn what was read into what is shown, ``words`` are its languages.
A crash or a slow question here never touches the gateway: what is read is read on connections of its own, and what is
changed is asked of whoever owns the folder (`control.owner`).
"""
