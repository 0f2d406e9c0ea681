"""Runs in folders, and the settings that they share but for their seed."""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments import _workdir
from experiments._errors import UserError, one_line
from experiments._formats import setting_name, value_text
from experiments._job import OWN_IMAGES
from experiments._results import early_note, read_results
from experiments._statistics import is_number
from experiments._table import FAILED, SEED, folder_name, row_of

UDR, CENTRALITY = "udr", "model_centrality"
# Scores without labels that stand in a file beside the runs: the file and their name.
BESIDE = {UDR: ("udr.json", "UDR"), CENTRALITY: ("centrality.json", "ModelCentrality")}
MODEL = "model.name"
# Groups of fields, and fields, that change neither parameters nor scores.
CANNOT_CHANGE_NUMBERS = (
    "data.download",
    "evaluation.figure",
    "evaluation.metrics",  # which ones are computed
    "evaluation.traversal_",
    "log.",
    "train.log_every",
    "train.checkpoint_every",
    "train.keep_checkpoints",
    "train.num_test_images",
    "train.parallel",
)
_PARTS_OF_A_RUN = ("config.json", "results.json", "checkpoints")


@dataclasses.dataclass(frozen=True)
class Run:
    """A run as its folder shows it.

    Attributes:
      folder: of the run.
      fields: of its config, by dotted name; none where it failed before it had one.
      scores: name -> value; none of a run that did not finish.
      failed: why it has no scores; "" where it has.
      note: what a reader of its scores must know.
    """

    folder: Path
    fields: Mapping[str, Any]
    scores: Mapping[str, float]
    failed: str = ""
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Setting:
    """Runs that differ in nothing but their seed.

    Attributes:
      name: the model, then the fields that differ between settings of this model.
      fields: those that differ between any settings, of this one.
      runs: with scores.
      failed: without.
    """

    name: str
    fields: Mapping[str, Any]
    runs: tuple[Run, ...]
    failed: tuple[Run, ...]

    @property
    def model(self) -> str:
        """Name of the model."""
        return str((*self.runs, *self.failed)[0].fields.get(MODEL, ""))

    def values(self, score: str) -> list[float | None]:
        """A score of each run, None where it has none."""
        return [run.scores.get(score) for run in self.runs]


def find_runs(words: Sequence[str]) -> list[Run]:
    """The runs in folders, each of a run or of a sweep, without repeats.

    Raises:
      UserError: if a word is no folder, or there is no run in it, or a file of a run
        is damaged.
    """
    runs: dict[Path, Run] = {}
    for word in words:
        folder = Path(word)
        if not folder.is_dir():
            kind = "a file" if folder.exists() else "not there"
            raise UserError(
                f"{word} must be the folder of a run or sweep; it is {kind}."
            )
        found = [_read_run(folder)] if is_run(folder) else _read_sweep(folder)
        if not found:
            raise UserError(_no_runs(folder))
        for run in found:
            runs.setdefault(run.folder.resolve(), run)
    return list(runs.values())


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run, finished or not."""
    return any((folder / part).exists() for part in _PARTS_OF_A_RUN)


def settings_of(runs: Iterable[Run]) -> list[Setting]:
    """The settings of runs that have a config, each in the place of its first run."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if run.fields:
            groups.setdefault(_key(identity(run.fields)), []).append(run)
    identities = [identity(group[0].fields) for group in groups.values()]
    differing = _differing(identities)
    return [
        Setting(
            name,
            {field: identity.get(field) for field in differing},
            tuple(run for run in group if not run.failed),
            tuple(run for run in group if run.failed),
        )
        for name, identity, group in zip(
            _names(identities), identities, groups.values(), strict=True
        )
    ]


def _names(identities: Sequence[Mapping[str, Any]]) -> list[str]:
    """A name for each setting; no two are equal."""
    models: dict[str, list[Mapping[str, Any]]] = {}
    for identity in identities:
        models.setdefault(str(identity.get(MODEL, "run")), []).append(identity)
    # What differs between models alone, such as their weights, need not be said.
    telling = {model: _differing(alike) for model, alike in models.items()}
    exact = {
        model: {name for name in telling[model] if _is_ambiguous(name, alike)}
        for model, alike in models.items()
    }
    names: list[str] = []
    taken: dict[str, int] = {}
    for identity in identities:
        model = str(identity.get(MODEL, "run"))
        fields = {name: identity[name] for name in telling[model] if name in identity}
        values = setting_name(fields, exact[model])
        name = f"{model}: {values}" if values else model
        # They may still be equal: a field that is none is as one that is not there.
        taken[name] = taken.get(name, 0) + 1
        names.append(f"{name} #{taken[name]}" if taken[name] > 1 else name)
    return names


def _is_ambiguous(name: str, identities: Sequence[Mapping[str, Any]]) -> bool:
    """Whether different values of a field look alike in a name."""
    values = {_key(i[name]): value_text(i[name]) for i in identities if name in i}
    return len(set(values.values())) < len(values)


def unsaid_fields(settings: Sequence[Setting]) -> list[str]:
    """Fields that models share and in which they differ, but no name says it."""
    unsaid = []
    for name in settings[0].fields if settings else ():
        values: dict[str, set[str]] = {}
        for setting in settings:
            values.setdefault(setting.model, set()).add(_key(setting.fields[name]))
        everywhere = all(s.fields[name] is not None for s in settings)
        if name != MODEL and everywhere and all(len(v) == 1 for v in values.values()):
            unsaid.append(name)
    return unsaid


def identity(fields: Mapping[str, Any], *others: str) -> dict[str, Any]:
    """The fields of a run that its setting shares.

    Args:
      fields: of the run.
      *others: beginnings of names of more fields in which the runs may differ.
    """
    free = [*CANNOT_CHANGE_NUMBERS, *others]
    if fields.get("data.name") not in OWN_IMAGES:
        free.append("data.path")
    return {
        name: value
        for name, value in fields.items()
        if name != SEED and not name.startswith(tuple(free))
    }


def _differing(identities: Sequence[Mapping[str, Any]]) -> list[str]:
    names = dict.fromkeys(name for identity in identities for name in identity)
    return [
        name for name in names
        if len({_key(identity.get(name)) for identity in identities}) > 1
    ]  # fmt: skip


def _key(value: Any) -> str:
    """The value as text; that of equal numbers is the same, be they whole or not."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: plain(entry) for name, entry in value.items()}
        if isinstance(value, list | tuple):
            return [plain(entry) for entry in value]
        is_whole = isinstance(value, float) and value.is_integer()
        return int(value) if is_whole else value

    return json.dumps(plain(value), sort_keys=True)


def _read_sweep(folder: Path) -> list[Run]:
    """The runs below a folder, and those of its table that failed without one."""
    reasons = _reasons(folder)
    below = sorted(path for path in folder.iterdir() if path.is_dir() and is_run(path))
    runs = [_read_run(path, reasons.pop(path.name, "")) for path in below]
    return runs + [Run(folder / n, {}, {}, failed=r) for n, r in reasons.items()]


def _reasons(folder: Path) -> dict[str, str]:
    """Name of each run that failed, by the table of a sweep -> why."""
    try:
        table = json.loads((folder / "table.json").read_text())
        return {
            folder_name(
                {k: _workdir.with_tuples(row[k]) for k in table["fields"]}
            ): str(row[FAILED])
            for row in table["rows"]
            if FAILED in row
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # it is a folder of runs, but not of a sweep


def _read_run(folder: Path, reason: str = "") -> Run:
    """A run; `reason` is why it failed, if it did not finish since."""
    fields = _read_fields(folder / "config.json")
    results = read_results(folder / "results.json")
    steps = results.get("run", {}).get("num_steps")
    wanted = fields.get("train.num_steps")
    if not fields:
        return Run(folder, {}, {}, failed=reason or "it has no config.json")
    if "scores" not in results:
        return Run(folder, fields, {}, failed=reason or "unfinished: it has no scores")
    if None not in (steps, wanted) and steps != wanted:
        unfinished = f"unfinished: at step {steps} of {wanted}"
        return Run(folder, fields, {}, failed=reason or unfinished)
    scores = row_of({}, results)
    said = []
    for name, (file, label) in BESIDE.items():
        value, note = _score_beside(folder, file, label)
        said.append(note)
        if value is not None:
            scores[name] = value
    said.insert(0, early_note(results))
    return Run(folder, fields, scores, note="; ".join(filter(None, said)))


def _read_fields(file: Path) -> dict[str, Any]:
    """The fields of a config; none if there is no file.

    Raises:
      UserError: if it is damaged.
    """
    if not file.exists():
        return {}
    try:
        config = _workdir.with_tuples(json.loads(file.read_text()))
        fields = _workdir.with_newer_fields(config)
        steps = fields.get("train.num_steps")
        if not (steps is None or is_number(steps)):
            raise TypeError(f"train.num_steps must be a number, got {steps!r:.40}")
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file} is not readable: {one_line(error)}; start the command of this run "
            "again, which writes it anew, or give folders without this one."
        ) from error
    return fields


def _score_beside(folder: Path, file: str, label: str) -> tuple[float | None, str]:
    """What a file beside the folder of a run says of it, and why it is ignored."""
    try:
        text = (folder.resolve().parent / file).read_text()
        groups = json.loads(text)["groups"]
        found = [group["runs"].get(folder.resolve().name) for group in groups]
    except OSError:
        return None, ""
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, f"the {file} beside it is not readable and ignored"
    value = next((value for value in found if value is not None), None)
    if not (value is None or is_number(value)):
        return None, f"its {label} in {file} is no number and ignored: {value!r:.40}"
    return value, ""


def _no_runs(folder: Path) -> str:
    """Says that a folder has no runs, and which below it has some."""
    deeper = sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and any(is_run(p) for p in path.iterdir() if p.is_dir())
    )
    if deeper:
        return (
            f"{folder} has no runs, but folders below it have: give "
            f"{' '.join(str(folder / name) for name in deeper[:3])}"
            f"{' ...' if len(deeper) > 3 else ''}."
        )
    return (
        f"{folder} has no runs: there is no {' or '.join(_PARTS_OF_A_RUN)} in it or in "
        "a folder below it; give folders of experiments.run or experiments.sweep."
    )
