"""What a page's source shows: who sends for it, without a browser (pure).

`page` reads any shop's page and is where to start; `shopify` what Shopify's storefronts write into theirs, `signs` the tables
of snippets, `code` what is read of scripts, `shown` the value that all of them answer.
"""
