from numpy import where, nan, isnan, roll, sign, cumsum, nanmean, array, vstack, einsum, corrcoef

class Masks(Strategy):
    def on_data(self, data):
        o, h, l, c, v = (getattr(self.bars, k)[-72:] for k in ("open", "high", "low", "close", "volume"))
        if len(c) < 72: return
        change = c - roll(c, 1); change[0] = nan
        obv = cumsum(where(isnan(change), 0, sign(change) * v))
        body = where(c > o, c - o, nan)
        X = vstack([c, obv])
        rho = corrcoef(X)[0, 1]
        power = einsum("i,i->", v[-12:], (c - o)[-12:]) / v[-12:].sum()
        strong = c[-1] - o[-1] > nanmean(body)
        if rho > 0.5 and power > 0 and strong and self.get_position_size() == 0:
            self.target_percent(66)
        elif rho < 0 or power < -0.2:
            self.target_percent(0)
