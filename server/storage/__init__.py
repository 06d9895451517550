"""Where the service keeps things: the database, its migrations, and the files of results.

One writer for SQLite; files appear whole or not at all; long texts are kept once, under their hash.
"""
