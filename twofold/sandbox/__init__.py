"""Meta's receiving side on this machine, for tests, demos and CI: a judge of any sender, not a part of the gateway.

Shares only ``twofold.event`` (words, click id formats) with the gateway; the rules are its own. The way of a
request: `server` (routes) -> `envelope` (bytes to fields) -> `rules` (all or nothing) -> `received` (kept copies,
counts) with `dedup` deciding; `answers` holds every error shape, `pixel` the image endpoint, `app_sdk` the device's,
`faults` the scripted failures, `rates` throttling, `access` and `graph` what all Graph paths share, `views` the JSON
lists, `pages` the human page, `pytest_plugin` the fixture for a shop's CI.

What is said about it: `diagnostics` (of one event) and `traffic` (of many) find, `findings` sums up; `quality` and
`stats` are Meta's read edges; `notes` is what people said; `masking` keeps contact data out of what is stored.

Behind it stands what Meta knows and no event tells: `people` (the register) and `ads` (spend, impressions, clicks),
held by `world`. `matching` finds the person of an event, `attribution` the ad of a conversion, `insights` and `graph_ads`
report both as the Marketing API does. `learning` is a model of its own: what a bad signal costs.
"""
