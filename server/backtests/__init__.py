"""The noun: what is asked for, judged and queued, listed, marked, shared and shown.

`submissions` judges a request, `actions` are what its owner can do, `document` is its result as
JSON. Every query takes an owner.
"""
