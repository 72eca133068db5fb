"""A world with a known truth: orders that are confirmed, carried, refused, paid and banked, and the files that tell of it.

Start reading at `scenario`, which is what a TOML file may say. `fates` draws what becomes of each order, `money` how the
money travels to the bank, `key` what is true of all of it. `shop_files`, `money_files` and `report_files` write what each
witness would export, in its own format; `folder` puts them beside a configuration; `play` imports them through the
commands and lays the gateway's report beside the truth. Pure but for `folder` and `play`; nothing here reads the gateway's code.
"""
