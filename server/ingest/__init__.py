"""Other people's data into our daily files, and judging what is there.

`download` fetches Binance's archive, `convert` reads files that people have, `upload` takes one
from a browser; all go through `store_writer`, which never picks one of two values silently.
`data_check` reports on what is stored.
"""
