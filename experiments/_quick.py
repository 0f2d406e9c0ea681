"""The flag of commands that have a size of their own for a trial."""

from absl import flags

QUICK = flags.DEFINE_bool("quick", False, "A trial of seconds, to see that it runs.")
