"""The folder of a run: created, checked against the config, and described."""

import functools
import importlib.metadata
import json
import operator
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

import vsc_jax
from experiments._config_files import flatten
from experiments._errors import UserError
from vsc_jax._files import whole_file
from vsc_jax.datasets import Dataset
from vsc_jax.training import read_meta, saved_steps

# Fields that do not change the parameters at a given step, so that a run may be
# continued with other values: longer, or evaluated in another way.
FREE_PREFIXES = (
    "evaluation.",
    "log.",
    "train.num_steps",
    "train.log_every",
    "train.checkpoint_every",
    "train.keep_checkpoints",
    "train.num_test_images",
    "train.parallel",
    "data.path",
    "data.download",
)
# Groups of fields that the config of an older run does not have.
NEWER_GROUPS = {"log"}
# Fields that it does not have, with what it did.
NEWER_FIELDS = {
    "model.prior.smallest_of": 0,
    "data.download": False,
    "cascade.max_relieved": 0,
}
PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def prepare_workdir(
    workdir: Path, config: ConfigDict, dataset: Dataset | None = None
) -> None:
    """Creates the folder and writes `config.json`, or checks the run that is there.

    A config without a checkpoint, left by a run that ended before its first one, is
    replaced. A relative `data.path` of the config becomes absolute, so that the run
    finds its data from any folder.

    Args:
      workdir: folder of the run.
      config: of the run.
      dataset: that of the config, where training goes on with it.

    Raises:
      UserError: if the folder cannot be written, or holds a run with another config or
        on other data.
    """
    # What begins with `~` is found from everywhere as it is.
    if config.data.path and not config.data.path.startswith("~"):
        config.data.path = str(Path(config.data.path).absolute())
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        probe = workdir / ".write_test"
        probe.touch()
        probe.unlink(missing_ok=True)  # other processes of the run try it too
    except OSError as error:
        raise UserError(
            f"cannot write to workdir {workdir}: {error.strerror}; "
            "choose another --workdir."
        ) from error
    check_workdir(workdir, config, dataset)
    if jax.process_index() == 0:
        write_json(workdir / "config.json", config.to_dict())


def check_workdir(
    workdir: Path, config: ConfigDict, dataset: Dataset | None = None
) -> None:
    """Raises UserError if the folder holds another run, or several, or one further on.

    Nothing is written. The arguments are those of `prepare_workdir`.
    """
    path = workdir / "config.json"
    new = json.loads(json.dumps(config.to_dict()))
    meta = read_meta(workdir)
    if meta is None:
        if path.exists() and not _is_config(path, new):
            raise UserError(
                f"{path} is not of a run with this command; choose another --workdir."
            )
        _check_no_runs_below(workdir)
        return
    _check_same(workdir, meta["config"], new)
    if dataset is not None:
        check_data(workdir, meta, dataset)
    steps = saved_steps(workdir)
    if steps and steps[-1] > config.train.num_steps:
        raise UserError(
            f"{workdir} holds a run that is at step {steps[-1]} already; "
            f"train.num_steps must be at least that, got {config.train.num_steps}."
        )


def other_evaluation(workdir: Path, config: ConfigDict) -> list[str]:
    """Fields of the evaluation in which the folder's `config.json` differs."""
    try:
        there = flatten(json.loads((workdir / "config.json").read_text()))
    except (OSError, ValueError, AttributeError):
        return []
    now = flatten(json.loads(json.dumps(config.to_dict())))
    names = [name for name in now if name.startswith("evaluation.")]
    return [name for name in names if there.get(name) != now[name]]


def read_config(workdir: Path, meta: Mapping[str, Any]) -> ConfigDict:
    """The config of a trained run, with the newest values of what may still change.

    Args:
      workdir: folder of the run.
      meta: what its checkpoint says.

    Raises:
      UserError: if the checkpoint has no config, or that of the folder is damaged or of
        another run.
    """
    if "config" not in meta:
        raise UserError(
            f"the checkpoints of {workdir} do not say on which data it was trained and "
            "how; give --dataset=, and no --all or --figures."
        )
    path, config = workdir / "config.json", meta["config"]
    if path.exists():
        if not _is_config(path, config):
            raise UserError(
                f"{path} is not the config of this run; remove it, since the "
                "checkpoints have it as well."
            )
        config = json.loads(path.read_text())
        _check_same(workdir, meta["config"], config)
    read = ConfigDict(with_tuples(config))
    for name in with_newer_fields(config).keys() - flatten(config).keys():
        *path, last = name.split(".")
        group = functools.reduce(operator.getitem, path, read)
        group[last] = NEWER_FIELDS[name]
    return read


def check_data(workdir: Path, meta: Mapping[str, Any], dataset: Dataset) -> None:
    """Raises UserError if images from files are not those the run was trained on.

    A run from before there were fingerprints has none to differ from, and data may get
    factors that they did not have.

    Args:
      workdir: folder of the run.
      meta: what its checkpoint says.
      dataset: what is to be trained or scored on.
    """
    before, now = meta.get("fingerprint", {}), dataset.fingerprint
    changed = [name for name in before if before[name] != now.get(name)]
    if not changed:
        return
    if changed[0] == "number":
        now_number = now.get("number", "unknown")
        changed[0] = f"their number (before {before['number']}, now {now_number})"
    raise UserError(
        f"the images of {dataset.name} are not those that the run in {workdir} was "
        f"trained on; changed: {', '.join(changed)}. Training images might come into "
        "the test split: put them back as they were, or train a new run in another "
        "--workdir."
    )


def with_tuples(value: Any) -> Any:
    """The value with tuples, which fields of a config are, where JSON has lists."""
    if isinstance(value, Mapping):
        return {name: with_tuples(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return tuple(with_tuples(entry) for entry in value)
    return value


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes the file whole or not at all."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes the file whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text)


def what_is_saved(workdir: Path) -> str:
    """What a run or a sweep that was stopped has saved, and what the command does."""
    again = f"the same command with --workdir={workdir}"
    if steps := saved_steps(workdir):
        return f"step {steps[-1]} is saved in {workdir}; {again} goes on from there."
    folders = [path.parent for path in workdir.glob("*/checkpoints")]
    if num := sum(bool(saved_steps(folder)) for folder in folders):
        return f"{num} of the runs in {workdir} are saved; {again} goes on from there."
    return "no step is saved yet; the same command begins anew."


def describe_machine() -> dict[str, Any]:
    """Versions, git state and devices of this process, for `results.json`."""
    return {
        "python": platform.python_version(),
        "packages": {"vsc_jax": vsc_jax.__version__}
        | {name: importlib.metadata.version(name) for name in PACKAGES},
        "git": _git_state(),
        "devices": [device.device_kind for device in jax.devices()],
        "num_processes": jax.process_count(),
        "platform": platform.platform(),
    }


def with_newer_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a config by their dotted names, with those that are newer than it.

    >>> with_newer_fields({"model": {"prior": {"name": "pca"}}})
    {'model.prior.name': 'pca', 'model.prior.smallest_of': 0}
    """
    fields = flatten(config)
    groups = {name.rpartition(".")[0] for name in fields}
    return fields | {
        name: value
        for name, value in NEWER_FIELDS.items()
        if name not in fields and name.rpartition(".")[0] in groups
    }


def _check_no_runs_below(workdir: Path) -> None:
    """Raises UserError for a folder of runs, which a run of its own would hide."""
    there = [workdir / "table.json", *sorted(workdir.glob("*/checkpoints"))]
    if found := next((path for path in there if path.exists()), None):
        raise UserError(
            f"workdir {workdir} must be of this run alone, but it has other runs in it "
            f"({found.relative_to(workdir)}), which compare and evaluate would no "
            "longer find; choose another --workdir."
        )


def _check_same(workdir: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    before, now = with_newer_fields(old), with_newer_fields(new)
    differing = [
        f"{name} (there {before.get(name, 'absent')}, given {now.get(name, 'absent')})"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name) and not name.startswith(FREE_PREFIXES)
    ]
    if differing:
        raise UserError(
            f"workdir {workdir} holds a run with another config; differing fields: "
            f"{'; '.join(differing)}. Give the same values, or another --workdir."
        )


def _is_config(path: Path, config: Mapping[str, Any]) -> bool:
    """Whether the file has the groups of fields of our configs."""
    try:
        there = json.loads(path.read_text()).keys()
        return there - NEWER_GROUPS == config.keys() - NEWER_GROUPS
    except (ValueError, AttributeError):
        return False


def _git_state() -> str | None:
    """Commit of the source, with "+changes" where it differs; None outside git."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *arguments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        # An environment may lie in somebody else's repository.
        git("ls-files", "--error-unmatch", Path(__file__).name)
        return git("rev-parse", "HEAD") + (
            "+changes" if git("status", "--porcelain") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return None
