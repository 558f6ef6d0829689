"""CSV files from a drop folder or over SFTP, one delivery per row."""
