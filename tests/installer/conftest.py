"""Make ``devkit`` importable, as dev.py does for itself."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "installer"))
