"""Figures and the report of a trained model."""

from vsc_jax.figures._aggregate_posterior import (
    plot_aggregate_posterior as plot_aggregate_posterior,
)
from vsc_jax.figures._artificial_data import (
    plot_artificial_data as plot_artificial_data,
)
from vsc_jax.figures._author_traversals import (
    plot_author_traversals as plot_author_traversals,
)
from vsc_jax.figures._category_confusion import (
    plot_category_confusion as plot_category_confusion,
)
from vsc_jax.figures._category_samples import (
    plot_category_samples as plot_category_samples,
)
from vsc_jax.figures._class_gates import plot_class_gates as plot_class_gates
from vsc_jax.figures._class_kl import plot_class_kl as plot_class_kl
from vsc_jax.figures._class_magnitudes import (
    plot_class_magnitudes as plot_class_magnitudes,
)
from vsc_jax.figures._class_samples import plot_class_samples as plot_class_samples
from vsc_jax.figures._class_traversals import (
    plot_class_traversals as plot_class_traversals,
)
from vsc_jax.figures._class_traversals import (
    plot_shared_traversals as plot_shared_traversals,
)
from vsc_jax.figures._conditional_samples import (
    plot_conditional_samples as plot_conditional_samples,
)
from vsc_jax.figures._correlation import plot_correlation as plot_correlation
from vsc_jax.figures._counts_over_steps import (
    plot_counts_over_steps as plot_counts_over_steps,
)
from vsc_jax.figures._density_grid import plot_density_grid as plot_density_grid
from vsc_jax.figures._drawing import FORMATS as FORMATS
from vsc_jax.figures._drawing import short_names as short_names
from vsc_jax.figures._interpolation import plot_interpolation as plot_interpolation
from vsc_jax.figures._interpretation import plot_interpretation as plot_interpretation
from vsc_jax.figures._kl_maps import plot_kl_maps as plot_kl_maps
from vsc_jax.figures._kl_over_steps import plot_kl_over_steps as plot_kl_over_steps
from vsc_jax.figures._kl_per_latent import plot_kl_per_latent as plot_kl_per_latent
from vsc_jax.figures._latent_bars import plot_latent_bars as plot_latent_bars
from vsc_jax.figures._latent_order import plot_latent_order as plot_latent_order
from vsc_jax.figures._layers import plot_layer_kl_maps as plot_layer_kl_maps
from vsc_jax.figures._layers import plot_layer_probe as plot_layer_probe
from vsc_jax.figures._make_figures import FIGURES as FIGURES
from vsc_jax.figures._make_figures import Figures as Figures
from vsc_jax.figures._make_figures import check_format as check_format
from vsc_jax.figures._make_figures import make_figures as make_figures
from vsc_jax.figures._objects import plot_objects as plot_objects
from vsc_jax.figures._points import plot_points as plot_points
from vsc_jax.figures._prior_samples import plot_prior_samples as plot_prior_samples
from vsc_jax.figures._rank_correlation import (
    plot_rank_correlation as plot_rank_correlation,
)
from vsc_jax.figures._reconstructions import (
    plot_reconstructions as plot_reconstructions,
)
from vsc_jax.figures._report import write_report as write_report
from vsc_jax.figures._score_strips import plot_score_strips as plot_score_strips
from vsc_jax.figures._sweep_curves import plot_curves as plot_curves
from vsc_jax.figures._sweep_page import write_sweep_page as write_sweep_page
from vsc_jax.figures._training_curves import (
    plot_training_curves as plot_training_curves,
)
from vsc_jax.figures._traversals import plot_traversals as plot_traversals
from vsc_jax.figures._traversals import save_traversal_gif as save_traversal_gif

__all__ = [
    "FIGURES",
    "FORMATS",
    "Figures",
    "check_format",
    "make_figures",
    "plot_aggregate_posterior",
    "plot_artificial_data",
    "plot_author_traversals",
    "plot_category_confusion",
    "plot_category_samples",
    "plot_class_gates",
    "plot_class_kl",
    "plot_class_magnitudes",
    "plot_class_samples",
    "plot_class_traversals",
    "plot_conditional_samples",
    "plot_correlation",
    "plot_counts_over_steps",
    "plot_curves",
    "plot_density_grid",
    "plot_interpolation",
    "plot_interpretation",
    "plot_kl_maps",
    "plot_kl_over_steps",
    "plot_kl_per_latent",
    "plot_latent_bars",
    "plot_latent_order",
    "plot_layer_kl_maps",
    "plot_layer_probe",
    "plot_objects",
    "plot_points",
    "plot_prior_samples",
    "plot_rank_correlation",
    "plot_reconstructions",
    "plot_score_strips",
    "plot_shared_traversals",
    "plot_training_curves",
    "plot_traversals",
    "save_traversal_gif",
    "short_names",
    "write_report",
    "write_sweep_page",
]
