"""From run folders to results, tables, figures and a report: everything after the judge. No torch, no model.

- `runs`: what a folder holds, and one judge's verdicts on it.
- `results`, `cells`: one number with its company for each variant and condition; random heads as a distribution.
- `trajectories`, `latency`: orders and delays, where one answer is led through several regions.
- `paper`: the paper's figures, to stand beside ours where the model is the same.
- `tables`, `sweeps`, `sizes`, `tours`, `models`, `head_overlap`: tables; `pictures`: figures; `labels`: their words.
- `limits`, `page`: what people read, and what they must know first; `narrations`, `quick`: two pages of their own.
"""
