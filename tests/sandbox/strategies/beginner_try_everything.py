class Bot(Strategy):
    def initialize(self):
        self.money = self.get_cash()
        self.history_list = []
        self.in_position = 0

    def check_buy(self, p):
        try:
            if p[-1] > p[-2] > p[-3] and p[-1] > p[-10]:
                return True
        except IndexError:
            pass
        except Exception as e:
            print("something went wrong", e)
        return False

    def on_data(self, data):
        self.history_list += [data.close]
        try:
            rate = 1 / (self.history_list[-1] - self.history_list[-2])
        except ZeroDivisionError:
            rate = 0
        except:
            rate = None
        if rate is None: return
        if self.check_buy(self.history_list) and not self.in_position:
            ok = self.buy(0.9 * self.get_cash() / data.close)
            if ok: self.in_position = 1
        elif self.in_position and self.history_list[-1] < min(self.history_list[-4:-1]):
            self.close_position(100)
            self.in_position = 0
            profit = self.get_cash() - self.money
            self.log("profit so far: " + str(round(profit, 2)) + "$")
