"""What a chart draws: a run's series as columns, thinned into buckets without losing extremes."""
