"""What users write in a region file, checked before anything starts."""
