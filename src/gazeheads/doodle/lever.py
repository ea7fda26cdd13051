"""Find the heads that ship with the bundled model: `python -m gazeheads.doodle.lever`.

The same discovery and the same choice of K, on the same dev strips, as the main job's.
"""

from gazeheads.data.doodles import doodles
from gazeheads.discovery import discover
from gazeheads.doodle import HEADS
from gazeheads.loading import load
from gazeheads.quickstart import DISCOVERY, DISCOVERY_SEED, TUNING, TUNING_SEED, tune


def main() -> None:
    """Write `weights/heads.json`."""
    model = load()
    data = f"doodles:{DISCOVERY}:dev"
    heads = discover(model, doodles(DISCOVERY, DISCOVERY_SEED, "dev"), data=data, seed=DISCOVERY_SEED)
    chosen, dev = tune(model, heads, doodles(TUNING, TUNING_SEED, "dev"))
    for k, found in dev.items():
        print(f"K = {k:3}: {found}")
    heads.top(chosen.k).save(HEADS)
    print(f"{chosen.k} heads: {HEADS.name}")


if __name__ == "__main__":
    main()
