"""Two versions side by side: the cost of a key with one and with the other, again and again, so that a busy machine disturbs both alike."""

import statistics
from collections.abc import Callable

MOST = 1.15
"""Of the processor time per key of the version that it is compared with."""


def beside(cost: Callable[[str, int], float], mine: str, theirs: str, pairs: int) -> tuple[bool, str]:
    """The median of the ratios of so many pairs.

    Args:
        cost: interpreter of the workers, and a number that no other run has → seconds of processor per key.
        mine: interpreter of an environment in which the one version is installed.
        theirs: the same of the other.
        pairs: how many; each runs both, in turns.
    """
    ratios = []
    for number in range(pairs):
        first, second = (mine, theirs) if number % 2 else (theirs, mine)
        spent = {first: cost(first, 2 * number), second: cost(second, 2 * number + 1)}
        ratios.append(spent[mine] / spent[theirs])
        print(f"pair {number + 1}: {1000 * spent[mine]:.0f} ms of processor per key, beside {1000 * spent[theirs]:.0f} ms", flush=True)
    middle = statistics.median(ratios)
    listed = ", ".join(f"{ratio:.2f}" for ratio in sorted(ratios))
    return middle <= MOST, f"a key costs {middle:.2f} × the processor time of the other version (at most {MOST}; pairs: {listed})"
