"""Reads a run's event file with TensorBoard's own reader and compares it with metrics.jsonl.

Usage: python tools/reference/read_events.py RUN...        (needs: pip install tensorboard)

Prints what each tag holds, and fails where a value, a step or a time is not that of the log. The file may hold
the beginning of a record at its end, as a kill leaves it; a log that goes further then is no difference.
"""

import glob
import json
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader


def float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def expected(run):
    """The scalars of metrics.jsonl: {tag: [(step, value, seconds)]}."""
    scalars = {}
    with open(f"{run}/metrics.jsonl", encoding="utf-8") as file:
        for text in file:
            if not text.endswith("\n"):
                break
            line = json.loads(text)
            named = {
                f"loss/{line['objective']}": line.get("loss"),
                "learning_rate": line.get("learningRate"),
                "gradient_norm": line.get("gradientNorm"),
                "tokens_per_second": line.get("tokensPerSecond"),
            }
            named |= {f"dev/{key[7:]}": value for key, value in line.items() if key.startswith("devLoss")}
            for tag, value in named.items():
                if value is not None:
                    point = (line["step"], float32(value), line["secondsElapsed"])
                    scalars.setdefault(tag, []).append(point)
    return scalars


def main(run):
    (path,) = glob.glob(f"{run}/tensorboard/events.out.tfevents.*")
    events = list(EventFileLoader(path).Load())
    assert events[0].file_version == "brain.Event:2", events[0]
    began = events[0].wall_time
    accumulator = EventAccumulator(f"{run}/tensorboard", size_guidance={"scalars": 0, "tensors": 0})
    accumulator.Reload()
    wanted = expected(run)
    tags = accumulator.Tags()["scalars"]
    assert sorted(tags) == sorted(wanted), (tags, sorted(wanted))
    print(f"{run}: {len(events) - 1} events")
    for tag in tags:
        found = [(event.step, event.value, event.wall_time) for event in accumulator.Scalars(tag)]
        lacking = len(wanted[tag]) - len(found)
        assert 0 <= lacking <= 1, f"{tag}: {len(found)} of {len(wanted[tag])}"
        for (step, value, time), (want_step, want, seconds) in zip(found, wanted[tag]):
            assert (step, value) == (want_step, want), (tag, step, value, want_step, want)
            assert abs(time - began - seconds) < 1e-5, (tag, step, time, began, seconds)
        last = found[-1]
        print(f"  {tag:18} {len(found):6} values, last {last[1]:.6g} at step {last[0]}, as in metrics.jsonl")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for folder in sys.argv[1:]:
        main(folder)
