"""How hard (PAPER table 4 and the modes of its code): one head set, one question, every push.

A bias of d adds d nats to the target's image tokens and takes d off all others; `suppress_image` only takes d off the
others, `suppress_all` off the prompt's text, too, `max_suppress_all` off generated text as well.
"""

from gazeheads.experiments.redirect import VQA
from gazeheads.experiments.sweep import Sweep
from gazeheads.push import Push

STRENGTHS = (1, 3, 10, 100, 1_000, 10_000)
SUPPRESSING = 10_000  # nats, the paper's

PUSHES = {f"bias {d:,}": Push.bias(d, -d) for d in STRENGTHS} | {
    "focus": Push.focus(),
    "uniform": Push.uniform(),
    "reweigh": Push.reweigh(),
    "suppress_image": Push.bias(0, -SUPPRESSING),
    "suppress_all": Push.bias(0, -SUPPRESSING, text=-SUPPRESSING),
    "max_suppress_all": Push.bias(0, -SUPPRESSING, text=-SUPPRESSING, generated=-SUPPRESSING),
}
PUSH_SWEEP = Sweep("push-sweep", VQA, {name: {"push": str(push)} for name, push in PUSHES.items()})
