"""The JSON API: each handler checks access, calls one noun and answers in the contract's shape."""

from __future__ import annotations
