"""Exact assignment of a batch to categories whose members repel each other.

In JAX on the device, or by OR-Tools on the host; every answer comes with a proof.
"""

from vsc_jax.assignment._assign import Assignment as Assignment
from vsc_jax.assignment._assign import assign_categories as assign_categories
from vsc_jax.assignment._assign import (
    assign_categories_on_host as assign_categories_on_host,
)
from vsc_jax.assignment._certificate import assignment_value as assignment_value
from vsc_jax.assignment._certificate import duality_gap as duality_gap
from vsc_jax.assignment._certificate import has_improving_cycle as has_improving_cycle
from vsc_jax.assignment._class_costs import class_marginals as class_marginals

__all__ = [
    "Assignment",
    "assign_categories",
    "assign_categories_on_host",
    "assignment_value",
    "class_marginals",
    "duality_gap",
    "has_improving_cycle",
]
