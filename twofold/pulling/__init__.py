"""What platforms, shops and banks say about themselves, fetched: rates, advertising, counts of the site, payouts, statements.

Start reading at `run`: one account, one span of days. `exchange` is the only file with a socket; each platform is a file
of its own that asks and hands over the answers as they came. They are read by the readers of files and kept by the run
that keeps files; nothing of a platform's fields is known here beyond what paging needs.
"""
