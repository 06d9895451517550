//@version=5
strategy("RSI", overlay=true)
rsi = ta.rsi(close, 14)
if ta.crossover(rsi, 30)
    strategy.entry("L", strategy.long)
