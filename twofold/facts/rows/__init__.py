"""What a day's rows are made of: one file a group of tables, from statements of the store."""
