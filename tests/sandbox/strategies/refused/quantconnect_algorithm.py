from AlgorithmImports import *


class SmaAlgorithm(QCAlgorithm):
    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.symbol = self.AddCrypto("BTCUSDT", Resolution.Hour).Symbol
        self.sma = self.SMA(self.symbol, 50)

    def OnData(self, data):
        if self.Securities[self.symbol].Price > self.sma.Current.Value:
            self.SetHoldings(self.symbol, 1)
