from typing import Any
class DemoOptions:
    def __init__(self, **k: Any) -> None: ...
def run_demo(o: Any) -> bool: return True
