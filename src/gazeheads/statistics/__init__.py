"""From outcomes to estimates: intervals over strips, paired differences, random-head controls, ranks, the choice of K.

1. An outcome belongs to a key, (strip, target): 1 or 0 for a hit or a miss, any number for another measure,
   None where we do not know (unscored, undefined): that leaves the denominator and is counted beside it.
2. `estimate` gives the mean with a 95% percentile interval. The six targets of one strip share an image, so
   they are not six independent trials: whole strips are drawn with replacement, 10,000 times (the paper
   resamples, too).
3. `paired_difference` compares two conditions over the same strips and targets, and refuses any others.
4. `percentile` places one head set among its random-head controls; n draws cannot show a p below 1 / (n + 1).
5. `choose_k` takes the smallest K that is as good, on dev strips, as the best one within its standard error.
6. `with_baseline_rule` and `moved` say what is left when answers that were there anyway do not count.

Accuracies are shares in 0..1; per cent is for people. Randomness is a generator that the caller passes in.
"""

from gazeheads.errors import StatisticsError
from gazeheads.statistics.baseline import (
    SAME_AS_BASELINE,
    jaccard,
    moved,
    same_as_baseline,
    with_baseline_rule,
)
from gazeheads.statistics.choice import K_SHARES, ChosenK, choose_k, k_grid
from gazeheads.statistics.draws import Percentile, percentile
from gazeheads.statistics.estimates import (
    LEVEL,
    RESAMPLES,
    Estimate,
    Key,
    Outcomes,
    Resamples,
    estimate,
    paired_difference,
    spearman,
    standard_error,
)

__all__ = [
    "K_SHARES",
    "LEVEL",
    "RESAMPLES",
    "SAME_AS_BASELINE",
    "ChosenK",
    "Estimate",
    "Key",
    "Outcomes",
    "Percentile",
    "Resamples",
    "StatisticsError",
    "choose_k",
    "estimate",
    "jaccard",
    "k_grid",
    "moved",
    "paired_difference",
    "percentile",
    "same_as_baseline",
    "spearman",
    "standard_error",
    "with_baseline_rule",
]
