"""Who somebody is and what they may do: users, sessions, tokens, passwords.

`access` turns a request into an identity; `throttle` slows down those who guess.
"""
