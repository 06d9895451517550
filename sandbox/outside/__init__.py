"""The trusted side: starts fork servers, watches children, judges what they send.

`supervisor` watches one child to its end, `servers` replaces fork servers that are old or odd,
`admission` keeps the sum of budgets below the machine's memory, `verdicts` turns a child's frames
into words. Nothing that a child says is believed here.
"""
