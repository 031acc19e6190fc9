"""The papers' claims, and ours, each judged by a test with a verdict.

A claim consists of comparisons. A comparison is one number per replicate, oriented so that positive means as claimed;
its effect is their mean, with one 95 % t-interval. On a stream whose replicates have a permutation of their own, the
replicates are all that varies: start, order, and which interactions the test part has. On a stream that they share, the
users' sums are added where two methods are compared by their means (``tables.clusters``), as the start alone says
nothing of other people. Every row says what varies. Windows of the test part are a second look, and decide nothing.

The words, for one claim on one data set, stream, task and loss (accuracies are described, not judged):

- **holds**: every comparison is as claimed, at 5 % after the correction below;
- **reversed**: a comparison is significantly the other way round; of E4, the sizes fall with frequency, too;
- **smaller than the paper's**: an interval lies wholly below the paper's effect on this very data set, the paper's own
  uncertainty allowed for, and the comparison is not as claimed;
- **no effect larger than x**: an interval lies within plus and minus the least effect that matters: a tenth of the
  paper's distance from FSE to AutoEmb; of sizes, a tenth of the candidates' range. As one comparison is enough for
  these three, their 5 % are shared by Bonferroni among the claim's comparisons;
- **not testable here**: the run cannot tell (A5: the free weights, or the controller's, stayed within a tenth of equal
  ones; E5: the paper says how much is saved of its own data only; and whatever contains such a claim);
- **undecided**: none of these.

A claim holds only if all its comparisons do, so its p is the largest of theirs. A4 and A5 are corrected by Holm between
them; A3 and E1 contain others, are tested only where these hold, and need no further correction; the papers' other
claims are corrected among themselves, and so are ours (S). With three replicates hardly anything can hold.

How often it errs on planted data, through this code (``tests/test_judge.py`` draws it anew and holds the bars):

- without any effect, over 150 draws at five replicates: a family of claims has one that holds in at most 1 draw, and A5
  is reversed in 1;
- with half the paper's effect or all of it, over 400 draws at 3, 5 and 10 replicates: never reversed, and the whole
  effect is never called smaller;
- where orders differ three times as much as starts do: intervals of replicates with their own order miss the truth in
  25 of 400 draws, and those of one order in most;
- a policy that enlarges at random, at rates from .001 to .9: E4 is as claimed in 2 to 7 of 100 draws, on one side.

What is said of frequent and rare ids (E2, E3, E4) is judged only on streams whose counts go on in the test part: where
they restart there, an id at popularity 1 may have been seen a hundred times.
"""

from autoemb.analysis.claims.judge import Evidence, claims, comparisons
from autoemb.analysis.claims.sizes import growth
from autoemb.analysis.claims.statements import STATEMENTS, Statement
from autoemb.analysis.claims.verdicts import verdicts

__all__ = ["STATEMENTS", "Evidence", "Statement", "claims", "comparisons", "growth", "verdicts"]
