# i am new to python please be nice
prices = []
bought = False
buy_price = 0

def average(numbers):
    total = 0
    i = 0
    while i < len(numbers):
        total = total + numbers[i]
        i = i + 1
    return total / len(numbers)

class MyStrategy(Strategy):
    def on_data(self, data):
        global bought, buy_price
        prices.append(data["close"])
        if len(prices) > 10:
            prices.pop(0)
        avg = average(prices)
        if bought == False:
            if data["close"] < avg * 0.99:
                self.buy(0.2)
                bought = True
                buy_price = data["close"]
                print("BUY!!! " + str(buy_price))
        else:
            if data["close"] > buy_price * 1.02:
                self.close_position()
                bought = False
                print("profit :)")
            elif data["close"] < buy_price * 0.97:
                self.close_position()
                bought = False
                print("loss :(")
