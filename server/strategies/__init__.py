"""Stored code by name, its versions, and the reports of the checks it went through."""
