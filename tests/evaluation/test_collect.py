"""What applies, what does not and what fails are kept apart."""

import logging

import pytest

from vsc_jax.evaluation._collect import Collection
from vsc_jax.metrics import NotApplicable


def fails():
    raise TypeError("a broken score")


def does_not_apply():
    raise NotApplicable("nothing to score")


def test_an_error_costs_no_other_score(caplog):
    collection = Collection()
    collection.add("first", lambda: {"group": {"a": 1}})
    collection.add("broken", fails)
    collection.add("other", does_not_apply)
    collection.add("last", lambda: {"group": {"b": {"c": 2}}, "last": 3})
    assert collection.results == {"group": {"a": 1, "b": {"c": 2}}, "last": 3}
    assert collection.skipped == {"other": "nothing to score"}
    assert collection.failed == {"broken": "TypeError: a broken score"}
    assert collection.outcome("last") == 3
    assert collection.outcome("other") == {"skipped": "nothing to score"}
    assert collection.outcome("broken") == {"failed": "TypeError: a broken score"}
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "broken failed"
    assert "in fails" in caplog.text  # the traceback


def test_only_that_reason_counts_as_skipped():
    collection = Collection()

    def broadcasts():
        raise ValueError("operands could not be broadcast together")

    collection.add("score", broadcasts)
    assert not collection.skipped
    assert collection.failed["score"].startswith("ValueError: operands")


def test_an_interruption_is_no_failure():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Collection().add("score", interrupted)
