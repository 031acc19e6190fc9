"""The papers' claims, and ours, each judged by a test with a verdict.

A claim consists of comparisons. A comparison is one number per seed, on the same stream, oriented so that positive
means as claimed; its effect is their mean, with a 95 % t-interval, and ``detectable`` is the smallest effect that so
many seeds with this spread would have seen (t-test at two-sided 5 %, power .8).

A claim holds only if all its comparisons do, so its p is the largest of theirs (two-sided; 1 where the sign is
wrong), corrected by Holm over the claims that are judged on one data set, stream, task and metric, the papers' and
ours (S) apart. It

- holds: corrected p below 5 %; and, where two methods are compared by their means, the window interval lies above 0
  in every comparison;
- does not hold: a comparison is significantly the other way round (5 %, shared by Bonferroni among the claim's
  comparisons), and so is its window interval where there is one; or the paper has an effect on this very data set,
  the run could have seen it, and the 95 % interval (and the window interval) lies wholly below it and not above 0;
- is undecided at this size: otherwise, and always with fewer than three seeds.

The t-interval over seeds says what initialisation does. The window interval, a paired bootstrap over the windows of
the test part (averaged over seeds), says what another stretch of the same stream would do, as if windows were
independent. Neither is another sample of people.

What is said of frequent and rare ids (E2, E3, E4) is judged only on streams whose counts go on in the test part: where
they restart there, an id at popularity 1 may have been seen a hundred times.
"""

from autoemb.analysis.claims.judge import claims, comparisons
from autoemb.analysis.claims.observations import growth
from autoemb.analysis.claims.statements import STATEMENTS, Statement

__all__ = ["STATEMENTS", "Statement", "claims", "comparisons", "growth"]
