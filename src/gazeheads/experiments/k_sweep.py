"""How many heads (PAPER sec. 6.3): redirection with growing shares of the model's heads.

Ask for several head selections at once (`--conditions gaze,image-heads,localization-heads,controls:3`): each is swept.
"""

from gazeheads.experiments.redirect import VQA
from gazeheads.experiments.sweep import Sweep
from gazeheads.statistics import K_SHARES

K_SWEEP = Sweep("k-sweep", VQA, {f"K = {share:.0%}": {"k": share} for share in K_SHARES})
