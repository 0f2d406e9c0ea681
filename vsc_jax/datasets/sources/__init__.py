"""One file per data set, or per family of them, with all that belongs to it.

Each file defines a `Source` for each of its names; `vsc_jax.datasets._registry` lists
them all.
"""
