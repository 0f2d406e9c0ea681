"""A setting and a run per model, chosen without labels."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from experiments._errors import UserError
from experiments._settings import BESIDE, Run, Setting
from experiments._statistics import is_finite, statistics_of

# Scores that a run is chosen by, in the words of `--select`.
SELECTIONS = tuple(BESIDE)


class Choice(NamedTuple):
    """What was chosen of a model.

    Attributes:
      model: its name.
      setting: name of the setting with the highest mean of the score over its runs.
      mean: that mean.
      n: over how many runs.
      run: folder of the run with the highest score of all of the model.
      value: its score.
    """

    model: str
    setting: str
    mean: float
    n: int
    run: str
    value: float

    def as_json(self, score: str) -> dict[str, Any]:
        """As a file holds it, with the name of the score."""
        named = {"mean": score, "value": f"run_{score}"}
        return {named.get(k, k): v for k, v in self._asdict().items()}


def choose_by(
    score: str, settings: Sequence[Setting]
) -> tuple[list[Choice], list[str]]:
    """The setting and the run of each model with the highest UDR or ModelCentrality.

    Duan et al., "Unsupervised Model Selection for Variational Disentangled
    Representation Learning", ICLR 2020, https://arxiv.org/abs/1905.12614; Lin et al.,
    "InfoGAN-CR and ModelCentrality", ICML 2020, https://arxiv.org/abs/1906.06034: good
    runs agree with one another, bad ones do not.

    Args:
      score: one of `SELECTIONS`.
      settings: of the runs.

    Returns:
      The choices, and notes on runs of which the score is not known.

    Raises:
      UserError: if none is known.
    """
    _, label = BESIDE[score]
    runs = [run for setting in settings for run in setting.runs]
    without = [run for run in runs if not is_finite(run.scores.get(score))]
    if len(without) == len(runs):
        raise UserError(
            f"--select={score} needs the {label} of the runs. "
            f"{how_to_get(score, without)}."
        )
    choices = []
    for model in dict.fromkeys(setting.model for setting in settings):
        mine = [
            (statistics_of(score, setting.values(score)), setting)
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
            (run.scores[score], run.folder)
            for _, setting in mine
            for run in setting.runs
            if is_finite(run.scores.get(score))
        ]
        value, folder = max(scored, key=lambda entry: entry[0])
        choices.append(Choice(model, best.name, mean, n, str(folder), value))
    notes = []
    if without:
        notes.append(
            f"{len(without)} of {len(runs)} runs have no {label}, such as "
            f"{without[0].folder.name}, and are not chosen. "
            f"{how_to_get(score, without)}"
        )
    return choices, notes


def how_to_get(score: str, runs: Sequence[Run]) -> str:
    """What writes a score of `SELECTIONS` of the first of the runs."""
    parent = runs[0].folder.parent
    file, _ = BESIDE[score]
    return (
        f"It is in the file {file} beside the runs, which python -m "
        f"experiments.evaluate --workdir={parent} --{score} writes"
    )
