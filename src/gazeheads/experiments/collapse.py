"""Too many heads (PAPER sec. 6.5: every model rises with K, peaks, and collapses into junk): shares up to all heads.

For rankings alone: there are no control draws of more heads than are left.
"""

from gazeheads.experiments.redirect import VQA
from gazeheads.experiments.sweep import Sweep

SHARES = (0.16, 0.24, 0.32, 0.48, 0.64, 0.8, 1.0)
COLLAPSE = Sweep("collapse", VQA, {f"K = {share:.0%}": {"k": share} for share in SHARES})
