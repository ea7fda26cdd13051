"""From run folders to results, tables, figures and a report: everything after the judge. No torch, no model.

- `runs`: what a folder holds, and one judge's verdicts on it.
- `cells`: one number with its company for each experiment, variant and condition; control draws as a distribution.
- `trajectories`, `latency`: orders and delays, where one answer is led through several regions.
- `paper`: the paper's figures, to stand beside ours where the model is the same.
- `tables`, `sweeps`, `ways`, `models`, `headsets`: tables; `pictures`: figures; `wording`: how both are put.
- `limits`, `page`: what people read, and what they must know first.
"""
