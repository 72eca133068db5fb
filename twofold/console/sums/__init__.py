"""The pages' sums, kept in memory and brought up to date by what came since: a page costs the rows it shows.

Start reading at `keeper`: when they are brought up to date. `told`: orders and what the platform was told of each;
`stretches`: actions and deliveries by pieces of the journal; `remembered`: answers that are worked out beside.
"""
