"""The flag of the commands that draw figures without a config."""

from absl import flags

from vsc_jax.figures import FORMATS

FIGURE_FORMAT = flags.DEFINE_enum(
    "figure_format",
    "png",
    FORMATS,
    "`pdf` or `svg` for a paper: without titles inside.",
)
