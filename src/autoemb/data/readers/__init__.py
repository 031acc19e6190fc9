"""What reads ratings from archives, delimited text and Parquet; a bad row is refused by its line, column and value."""
