"""What a doctor looks at, from outside in: `outside` (name, TLS, the tag, proxies), `storefront` (the shop's page), `arrivals` (what
came and what left), `platform` (token and dataset), `machine` (disk, clock, files). `visit` is the order of all.

Each gives findings and changes nothing; what it takes to look is handed in. The one thing that is sent, a test event, only where
somebody asks for it.
"""
