"""Which tests stand for modules without a test file of their own."""

# Modules that are tested in a file with another name, under a word that stands in it:
# the name by which the tests reach them.
_BENCHMARK = "tests/experiments/test_benchmark_"
GROUPED = {
    "vsc_jax": ("tests/test_imports.py", "vsc_jax"),
    "experiments.benchmark._steps": (_BENCHMARK + "train_step.py", "ms per step"),
    "experiments.benchmark.assignment": (_BENCHMARK + "assignment.py", "assignment"),
    "experiments.benchmark.metrics": (_BENCHMARK + "metrics.py", "metrics"),
    "vsc_jax.losses._pair_sums": ("tests/losses/test_mmd.py", "_pair_sums"),
    "vsc_jax.models._autoencoder": ("tests/models/test_models.py", "autoencoder"),
    "vsc_jax.models._base": ("tests/models/test_models.py", "Batch"),
    "vsc_jax.models._image_model": ("tests/models/test_models.py", "likelihood"),
    "vsc_jax.models._vae": ("tests/models/test_models.py", "vae"),
    "vsc_jax.models._vsc": ("tests/models/test_models.py", "log_sigmoid"),
    "vsc_jax.networks._decoders": ("tests/networks/test_build.py", "decoder"),
    "vsc_jax.networks._encoder": ("tests/networks/test_build.py", "encoder"),
    "vsc_jax.networks._posterior": ("tests/networks/test_build.py", "slab_logits"),
    "vsc_jax.networks._trunks": ("tests/networks/test_build.py", "build_networks"),
    "experiments.benchmark.train_step": (_BENCHMARK + "train_step.py", "train_step"),
    "experiments.configs.*": ("tests/experiments/test_configs.py", "configs"),
}
