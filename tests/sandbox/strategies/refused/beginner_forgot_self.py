class MyBot(Strategy):
    def on_data(data):
        if data["close"] > 100:
            buy(1)
