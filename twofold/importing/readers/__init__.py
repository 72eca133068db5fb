"""Files of orders and sales: tables of any kind to order reports and copies. The only part of the ledger with I/O.

Start reading at `formats`: it lists the layouts that are known by their headers. `tables` opens a file, `layout`
finds a format's columns in it, `orders` and `sales` make reports of rows, `problems` writes down what was not
understood. What is done with the reports is not decided here.
"""
