"""What crosses the wall: sealed memory on the way in, checked frames on the way out.

Both sides import this room and nothing of each other. Nothing is unpickled; sizes are judged
before anything is allocated.
"""
