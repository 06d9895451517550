from datetime import datetime, timedelta
from typing import Dict, List, Optional, Tuple, Union


class RoiTrail(Strategy):
    """ROI by age of trade, custom stoploss as in the docs"""

    INTERFACE_VERSION: int = 3
    timeframe = "1h"
    minimal_roi: Dict[str, float] = {"720": 0.01, "240": 0.02, "0": 0.05}
    trailing_stop_positive = 0.02
    open_date: Optional[datetime] = None

    def custom_exit(self, current_time: datetime, current_profit: float) -> Union[str, bool]:
        trade_dur = int((current_time.timestamp() - self.open_date.timestamp()) // 60)
        roi_list: List[int] = [int(k) for k in self.minimal_roi if int(k) <= trade_dur]
        if not roi_list:
            return False
        roi = self.minimal_roi[str(max(roi_list))]
        return f"roi_{roi}" if current_profit > roi else False

    def on_data(self, data):
        now = data["timestamp"]
        if self.get_position_size():
            profit = data["close"] / self.get_entry_price() - 1.0
            reason = self.custom_exit(now, profit)
            if reason:
                self.log(f"exit {reason} after {now - self.open_date}")
                self.close_position()
            elif now - self.open_date > timedelta(days=1, hours=12):
                self.log("timeout")
                self.close_position()
            return
        if now.hour % 6 == 0 and data["close"] > data["open"]:
            if self.buy(0.3):
                self.open_date = now
                self.set_trailing_stop(self.trailing_stop_positive * data["close"])
