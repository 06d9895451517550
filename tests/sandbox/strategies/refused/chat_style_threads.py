import threading
from concurrent.futures import ThreadPoolExecutor


class Parallel(Strategy):
    def initialize(self):
        self.lock = threading.Lock()
        self.pool = ThreadPoolExecutor(max_workers=4)

    def on_data(self, data):
        with self.lock:
            self.pool.submit(self.buy, 0.1)
