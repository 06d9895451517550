"""Measurements that run on request (`make bench`), never with the tests: they state targets."""
