import ccxt
import time

exchange = ccxt.binance({"apiKey": "", "secret": ""})


class LiveBot(Strategy):
    def on_data(self, data):
        price = exchange.fetch_ticker("BTC/USDT")["last"]
        if price > data["close"]:
            self.buy(0.01)
        time.sleep(1)
