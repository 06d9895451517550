"""Pages of market data: what is there, how complete it is, and adding to it."""
