"""What pages are made of: rendering, assets, number formats, small plots, figures, diffs."""
