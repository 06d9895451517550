"""Reads another run's configuration, code included. Lock: seccomp, Landlock."""

from tests.sandbox.attacks.arsenal import breach, canary

with open(canary("results") + "/bt_20230101_000000_other/config.json") as file:
    breach(file.read())
