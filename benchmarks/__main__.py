"""`make bench`: everything that is measured, one after the other."""

import subprocess
import sys

MODULES = ("steps", "forward", "startup", "serving", "batches", "protocols", "training")

for module in MODULES:
    print(f"\n## {module}\n", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{module}"], check=True)
