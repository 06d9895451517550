"""Market data on disk: one CSV file a day, read with care, kept as columns.

`store` is the door: it chooses which file serves each day, hands it to `day_files`, and keeps what
was parsed in `column_cache`. `careful_reader` names the line of what is broken. `catalogue` and
`day_index` know what there is without reading it; `data_quality` says what is missing or odd.
"""
