import statsmodels.api as sm
from arch import arch_model


class Arima(Strategy):
    def on_data(self, data):
        fit = sm.tsa.ARIMA(self.bars.close[-100:], order=(1, 1, 1)).fit()
        if fit.forecast(1)[0] > data.close:
            self.target_percent(100)
