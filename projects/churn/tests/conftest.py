"""Let the tests import the project's scripts, whichever way pytest is started."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
