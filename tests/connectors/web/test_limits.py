"""Each has a share of their own, which fills up again."""

from connectors.web import limits
from connectors.web.limits import Limits


def test_a_share_is_used_up_and_fills_up_again() -> None:
    now = 0.0
    bucket = Limits(60, clock=lambda: now)
    assert [bucket.take("ann") for _ in range(60)] == [0.0] * 60
    assert bucket.take("ann") == 1.0
    assert bucket.take("bob") == 0.0
    now = 1.0
    assert bucket.take("ann") == 0.0
    assert bucket.take("ann") == 1.0
    now = 3_600.0
    assert [bucket.take("ann") for _ in range(61)] == [0.0] * 60 + [1.0]


def test_memory_is_bounded() -> None:
    bucket = Limits(60)
    for number in range(limits.MAX_KEPT + 5):
        bucket.take(str(number))
    assert len(bucket._left) == limits.MAX_KEPT
