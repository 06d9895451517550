"""Pages of accounts: signing up, in and out; tokens, sessions, events; the administrators' page."""
