"""What a run's rows mean: an account's series, round trips, metrics, and the files of a result.

`accounting` turns the ledger into one value a bar after the loop, `metrics` into the key figures,
`round_trips` into what each closing earned; `results` writes them down.
"""
