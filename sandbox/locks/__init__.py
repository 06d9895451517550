"""The kernel's locks, one file each: system calls, files, limits, and what they stand on.

Each works with the language layer switched off. `sandbox.child.lockdown` shuts them in order.
"""
