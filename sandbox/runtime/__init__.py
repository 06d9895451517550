"""What compiled strategies find when they run: guards, stand-ins for libraries, and a clock.

`guards` answer for every attribute, item and iteration; `facades` are what is shown of numpy,
pandas and TA-Lib; `clock` makes every way to ask for the time tell the bar's.
"""
