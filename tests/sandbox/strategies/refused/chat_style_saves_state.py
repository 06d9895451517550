"""Strategy with persistent state."""
import json
import os
import pickle
from pathlib import Path

STATE_FILE = Path("state.json")


class Persistent(Strategy):
    def initialize(self):
        self.state = {}
        if os.path.exists("state.pkl"):
            with open("state.pkl", "rb") as f:
                self.state = pickle.load(f)

    def on_data(self, data):
        self.state["last"] = data.close
        STATE_FILE.write_text(json.dumps(self.state))
