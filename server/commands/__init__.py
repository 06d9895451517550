"""The shell: one module a group of commands. `server.__main__` is the parser."""
