"""What happened as typed columns: Parquet by table and day, made again from the store for the days that changed."""
