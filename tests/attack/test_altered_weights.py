"""Archives whose weights were altered and that still load: they say what Keras says of them.

Bytes of the HDF5 file are overwritten and the archive is made anew around it, so that nothing but
the HDF5 library could notice. Whoever reads it otherwise than Keras would answer wrongly. Ours are
read without the process that the service starts for each, which would take most of an hour.
"""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.attack.scale import LONG, say
from tests.keras_files import members_of, write_folder, write_members

SEED = 20261127
ALTERED = 1_000
IDS = [[0, 1, 2], [3, 4, 5], [0, 0, 1], [5, 5, 5]]
Said = list[list[float]] | None  # probabilities after each row of ids; None where it is refused
OURS = """
import json, sys
from pathlib import Path
import numpy as np
from app.engines.numpy_engine import NumpyEngine
from app.errors import ModelError
from app.importing.sources import read_source
for folder in json.loads(sys.argv[1]):
    try:
        engine = NumpyEngine(read_source(Path(folder) / "model.keras").network)
    except ModelError:
        print("null", flush=True)
        continue
    ids = np.array(json.loads(sys.argv[2]), np.int32)
    print(json.dumps(engine.forward(ids).probabilities.tolist()), flush=True)
"""
KERAS = """
import json, sys
import keras, numpy as np
for folder in json.loads(sys.argv[1]):
    try:
        model = keras.saving.load_model(folder + "/model.keras", compile=False)
        said = np.asarray(model(np.array(json.loads(sys.argv[2])))).tolist()
    except Exception:
        said = None
    print(json.dumps(said), flush=True)
"""


def altered(folder: Path, chance: random.Random) -> Path:
    """A sound folder, some bytes of whose weights' file are others."""
    archive = write_folder(folder) / "model.keras"
    members = members_of(archive)
    weights = bytearray(members["model.weights.h5"])
    for _ in range(chance.choice([1, 4, 32])):
        weights[chance.randrange(len(weights))] = chance.randrange(256)
    write_members(archive, {**members, "model.weights.h5": bytes(weights)})
    return folder


def said(script: str, folders: list[str]) -> list[Said]:
    """What a script says of each folder; the HDF5 library may die of one: it goes on with the next.

    The service has it in a process of its own, whose death is a refusal.
    """
    lines: list[Said] = []
    while len(lines) < len(folders):
        left = json.dumps(folders[len(lines) :])
        command = [sys.executable, "-c", script, left, json.dumps(IDS)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=3000)
        lines += map(json.loads, done.stdout.splitlines())
        assert done.returncode <= 0, done.stderr
        if done.returncode:  # a signal
            lines.append(None)
    return lines


@pytest.mark.skipif(not LONG, reason="make attack does it: each folder is read by both")
def test_what_loads_although_it_was_altered_says_what_keras_says(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    folders = [str(altered(tmp_path / str(number), chance)) for number in range(ALTERED)]
    both = 0
    ours = said(OURS, folders)
    for folder, one, other in zip(folders, ours, said(KERAS, folders), strict=True):
        if one is not None and other is not None:
            both += 1
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5, err_msg=folder)
    sound = said(OURS, [str(write_folder(tmp_path / "sound"))])[0]
    changed = sum(one is not None and one != sound for one in ours)
    say(
        f"{ALTERED} altered weights: {ALTERED - ours.count(None)} loaded, {changed} of them with "
        f"other numbers; Keras loads {both} of them, and says the same"
    )
    assert both >= changed > 0
