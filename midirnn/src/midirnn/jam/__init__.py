"""Playing with somebody."""
