"""The command line: `python -m experiments.run --config=configs/vsc.py`."""

import os
import sys

# `python -m` looks for modules in the working directory first, where a user's config
# with a name such as random.py would be taken for the module that others import. It
# stays first where it holds this package, so that a checkout uses its own library.
# While it looks for the command, `sys.argv[0]` is "-m".
_IS_COMMAND = sys.argv[:1] == ["-m"] and sys.path[:1] == [os.getcwd()]
if _IS_COMMAND and not os.path.samefile(sys.path[0], os.path.dirname(__path__[0])):
    sys.path.append(sys.path.pop(0))

# `vsc_jax._command` gives its name as `sys.argv[0]`.
if _IS_COMMAND or sys.argv[:1] == ["vsc-jax"]:
    from experiments import _stops

    _stops.end_at_once()
    # What XLA and TensorFlow say below errors is for their developers; they read this
    # when they are imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
