"""Exact assignment of items to categories that compete."""

from vsc_jax.assignment._assign import Assignment as Assignment
from vsc_jax.assignment._assign import assign_categories as assign_categories
