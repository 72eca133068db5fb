"""A real browser's side of the inventory: it walks the shop, and each call to a platform is credited to the script that made it.

Start reading at `walk`. `watch` listens to the browser, `trace` finds the owner, `calls` reads the requests, `journey` and
`recorder` move.
"""
