"""The processes of a region. They only start and stop what the packages below provide."""
