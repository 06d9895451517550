"""Level and slope in a two-dimensional state: matrix operators in place."""
import numpy as np


class StateSpace(Strategy):
    def initialize(self):
        self.F = np.array([[1.0, 1.0], [0.0, 1.0]])
        self.P = np.eye(2)
        self.x = None
        self.Q = np.diag([1e-3, 1e-5])

    def on_data(self, data):
        z = np.log(data.close)
        if self.x is None:
            self.x = np.array([z, 0.0])
            return
        P = self.F @ self.P
        P @= self.F.T
        P += self.Q
        x = self.F @ self.x
        H = np.array([1.0, 0.0])
        K = P @ H / (H @ P @ H + 1e-4)
        self.x = x + K * (z - H @ x)
        self.P = (np.eye(2) - np.outer(K, H)) @ P
        slope = self.x[1]
        if slope > 5e-4:
            self.target_percent(75)
        elif slope < -5e-4:
            self.target_percent(0)
