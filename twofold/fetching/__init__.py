"""What shops and providers only name, asked for by its id at the system itself, and lists of changes of those that never send.

Start reading at `worker`: one source, its turns. `contract` is what a system is to it, `answers` what its refusals mean, `systems` has a
file each. What a fetched body means is the source's own file in `sources`; it comes in by the same door as a webhook. Only the
address in the configuration is ever asked, whatever a notice says; the exchange is that of `pulling`.
"""
