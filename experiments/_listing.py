"""The flag of commands that can say what they would run."""

from absl import flags

LIST = flags.DEFINE_bool(
    "list", False, "Print the runs with their numbers and how far they are; run none."
)
