import importlib.util
import sys
from pathlib import Path

_spec = importlib.util.spec_from_file_location(
    "plans_of_queue_submit", Path(__file__).with_name("plans.py")
)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
sys.modules.setdefault("plans_of_queue_submit", _module)
