import matplotlib.pyplot as plt


class Plots(Strategy):
    def on_data(self, data):
        if data.close > data.open:
            self.target_percent(100)

    def on_finish(self):
        plt.plot(self.bars.close)
        plt.savefig("out.png")
