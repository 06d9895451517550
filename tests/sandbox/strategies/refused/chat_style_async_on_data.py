import asyncio


class AsyncStrategy(Strategy):
    async def on_data(self, data):
        await asyncio.sleep(0)
        if data.close > data.open:
            self.buy(0.1)
