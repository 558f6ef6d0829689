"""The only place that opens a database file, and the transactions everything else is written in."""
