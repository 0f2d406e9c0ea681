from experiments._shares import FIRST_GUESS, MIN_RATIO, MIN_SHARE, Shares


class Time:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_shares_are_equal_and_keep_time_for_scores():
    time = Time()
    shares = Shares(400.0, time)
    share = shares.share("a", 4, 4)
    assert share == (4, 100.0 - FIRST_GUESS.task - 4 * FIRST_GUESS.run, 100.0)
    time.now = 120.0
    assert shares.is_over(share)
    # What was measured counts from then on, for others as well.
    shares.learn("a", 4, 10.0, 60.0)
    assert shares.cost("b") == (20.0, 10.0)
    assert shares.share("b", 4, 1) == (4, 280.0 - 60.0, 400.0)
    shares.learn("c", 4, 2.0, None)
    assert shares.cost("c") == (20.0, 2.0)
    # As many runs as can be scored in half of the share.
    assert shares.share("b", 100, 1) == (14, 280.0 - 160.0, 400.0)


def test_a_share_is_worth_it():
    time = Time()
    shares = Shares(100.0, time)
    assert shares.choose(["a", "b", "c"], lambda _: 33.0) == ["a", "b", "c"]
    assert shares.choose(["a", "b", "c"], lambda _: 34.0) == ["a", "b"]
    # One that takes long leaves nothing for those after it.
    assert shares.choose(["a", "b", "c"], {"a": 1, "b": 60, "c": 1}.get) == ["a"]
    assert not shares.choose(["a"], lambda _: 101.0)
    time.now = 120.0
    assert shares.remaining() == 0.0
    assert not shares.choose(["a"], lambda _: 1.0)
    shares.learn("a", 1, 10.0, 30.0)
    assert shares.least("a", has_scores=False) == 30.0 + MIN_SHARE
    # To improve scores more of it has to be training.
    assert shares.least("a", has_scores=True) == 30.0 + MIN_RATIO * 30.0
