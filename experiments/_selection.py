"""A setting and a run per model, chosen without labels."""

from collections.abc import Sequence
from typing import NamedTuple

from experiments._errors import UserError
from experiments._settings import UDR, Run, Setting
from experiments._statistics import is_finite, statistics_of


class Choice(NamedTuple):
    """What was chosen of a model.

    Attributes:
      model: its name.
      setting: name of the setting with the highest mean UDR over its runs.
      udr: that mean.
      n: over how many runs.
      run: folder of the run with the highest UDR of all of the model.
      run_udr: its UDR.
    """

    model: str
    setting: str
    udr: float
    n: int
    run: str
    run_udr: float


def choose_by_udr(settings: Sequence[Setting]) -> tuple[list[Choice], list[str]]:
    """The setting and the run of each model with the highest UDR.

    Duan et al., "Unsupervised Model Selection for Variational Disentangled
    Representation Learning", ICLR 2020, https://arxiv.org/abs/1905.12614: runs of a
    good setting agree with one another, those of a bad one do not.

    Returns:
      The choices, and notes on runs of which no UDR is known.

    Raises:
      UserError: if none is known.
    """
    runs = [run for setting in settings for run in setting.runs]
    without = [run for run in runs if not is_finite(run.scores.get(UDR))]
    if len(without) == len(runs):
        raise UserError(
            f"--select=udr needs the UDR of the runs. {how_to_get_udr(without)}."
        )
    choices = []
    for model in dict.fromkeys(setting.model for setting in settings):
        mine = [
            (statistics_of(UDR, setting.values(UDR)), setting)
            for setting in settings
            if setting.model == model
        ]
        known = [
            (s.mean, s.n or 0, setting) for s, setting in mine if s.mean is not None
        ]
        if not known:
            continue
        mean, n, best = max(known, key=lambda entry: entry[0])
        scored = [
            (run.scores[UDR], run.folder)
            for _, setting in mine
            for run in setting.runs
            if is_finite(run.scores.get(UDR))
        ]
        udr, folder = max(scored, key=lambda entry: entry[0])
        choices.append(Choice(model, best.name, mean, n, str(folder), udr))
    notes = []
    if without:
        notes.append(
            f"{len(without)} of {len(runs)} runs have no UDR, such as "
            f"{without[0].folder.name}, and are not chosen. {how_to_get_udr(without)}"
        )
    return choices, notes


def how_to_get_udr(runs: Sequence[Run]) -> str:
    """What writes the UDR of the first of the runs."""
    parent = runs[0].folder.parent
    return (
        "It is in the file udr.json beside the runs, which python -m "
        f"experiments.evaluate --workdir={parent} --udr writes"
    )
