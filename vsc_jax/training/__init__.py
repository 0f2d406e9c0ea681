"""From a model and a data set to trained parameters, and back from a folder."""

from vsc_jax.training._batches import batch_indices as batch_indices
from vsc_jax.training._checkpoints import CheckpointError as CheckpointError
from vsc_jax.training._checkpoints import Checkpoints as Checkpoints
from vsc_jax.training._checkpoints import read_meta as read_meta
from vsc_jax.training._checkpoints import saved_steps as saved_steps
from vsc_jax.training._ends import NonFiniteLossError as NonFiniteLossError
from vsc_jax.training._ends import OtherRunError as OtherRunError
from vsc_jax.training._ends import RunError as RunError
from vsc_jax.training._ends import Terminated as Terminated
from vsc_jax.training._ends import UncertifiedError as UncertifiedError
from vsc_jax.training._group_trainer import GroupTrainer as GroupTrainer
from vsc_jax.training._group_trainer import create_group_trainer as create_group_trainer
from vsc_jax.training._group_trainer import group_key as group_key
from vsc_jax.training._group_trainer import why_alone as why_alone
from vsc_jax.training._log import MetricsLog as MetricsLog
from vsc_jax.training._loop import prepare_training as prepare_training
from vsc_jax.training._loop import train as train
from vsc_jax.training._loop import train_group as train_group
from vsc_jax.training._open_run import GroupRun as GroupRun
from vsc_jax.training._open_run import TrainResult as TrainResult
from vsc_jax.training._optimizers import OptimizerOptions as OptimizerOptions
from vsc_jax.training._optimizers import create_optimizer as create_optimizer
from vsc_jax.training._optimizers import create_optimizers as create_optimizers
from vsc_jax.training._options import TrainOptions as TrainOptions
from vsc_jax.training._parallel import PARALLEL as PARALLEL
from vsc_jax.training._parallel import Trainer as Trainer
from vsc_jax.training._parallel import create_trainer as create_trainer
from vsc_jax.training._restore import RestoredRun as RestoredRun
from vsc_jax.training._restore import restore_run as restore_run
from vsc_jax.training._run_lock import RunLock as RunLock
from vsc_jax.training._run_lock import WorkdirInUseError as WorkdirInUseError
from vsc_jax.training._state import TrainState as TrainState
from vsc_jax.training._state import init_state as init_state
from vsc_jax.training._steps import ChunkResult as ChunkResult
from vsc_jax.training._steps import StepInputs as StepInputs
from vsc_jax.training._steps import TrainData as TrainData

__all__ = [
    "PARALLEL",
    "CheckpointError",
    "Checkpoints",
    "ChunkResult",
    "GroupRun",
    "GroupTrainer",
    "MetricsLog",
    "NonFiniteLossError",
    "OptimizerOptions",
    "OtherRunError",
    "RestoredRun",
    "RunError",
    "RunLock",
    "StepInputs",
    "Terminated",
    "TrainData",
    "TrainOptions",
    "TrainResult",
    "TrainState",
    "Trainer",
    "UncertifiedError",
    "WorkdirInUseError",
    "batch_indices",
    "create_group_trainer",
    "create_optimizer",
    "create_optimizers",
    "create_trainer",
    "group_key",
    "init_state",
    "prepare_training",
    "read_meta",
    "restore_run",
    "saved_steps",
    "train",
    "train_group",
    "why_alone",
]
