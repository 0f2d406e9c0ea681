"""Scores, figures and the report of a trained model."""

from vsc_jax.evaluation._aggregate_posterior import (
    aggregate_posterior_scores as aggregate_posterior_scores,
)
from vsc_jax.evaluation._category_figures import (
    plot_category_confusion as plot_category_confusion,
)
from vsc_jax.evaluation._category_figures import (
    plot_category_samples as plot_category_samples,
)
from vsc_jax.evaluation._charts import plot_class_gates as plot_class_gates
from vsc_jax.evaluation._charts import plot_correlation as plot_correlation
from vsc_jax.evaluation._charts import plot_kl_per_latent as plot_kl_per_latent
from vsc_jax.evaluation._class_figures import (
    plot_class_magnitudes as plot_class_magnitudes,
)
from vsc_jax.evaluation._code_change_figures import (
    plot_conditional_samples as plot_conditional_samples,
)
from vsc_jax.evaluation._code_change_figures import (
    plot_interpolation as plot_interpolation,
)
from vsc_jax.evaluation._code_change_figures import (
    plot_interpretation as plot_interpretation,
)
from vsc_jax.evaluation._code_changes import conditional_codes as conditional_codes
from vsc_jax.evaluation._code_changes import interpolation_codes as interpolation_codes
from vsc_jax.evaluation._code_changes import (
    interpretation_codes as interpretation_codes,
)
from vsc_jax.evaluation._density_figures import aggregate_density as aggregate_density
from vsc_jax.evaluation._density_figures import plot_density_grid as plot_density_grid
from vsc_jax.evaluation._disentanglement import (
    disentanglement_scores as disentanglement_scores,
)
from vsc_jax.evaluation._disentanglement import score_scalars as score_scalars
from vsc_jax.evaluation._encode import Encoded as Encoded
from vsc_jax.evaluation._encode import encode_dataset as encode_dataset
from vsc_jax.evaluation._evaluate import evaluate as evaluate
from vsc_jax.evaluation._figure_data import Figures as Figures
from vsc_jax.evaluation._image_figures import plot_latent_bars as plot_latent_bars
from vsc_jax.evaluation._image_figures import plot_prior_samples as plot_prior_samples
from vsc_jax.evaluation._image_figures import (
    plot_reconstructions as plot_reconstructions,
)
from vsc_jax.evaluation._make_figures import make_figures as make_figures
from vsc_jax.evaluation._point_figures import (
    plot_aggregate_posterior as plot_aggregate_posterior,
)
from vsc_jax.evaluation._point_figures import plot_points as plot_points
from vsc_jax.evaluation._report import write_report as write_report
from vsc_jax.evaluation._scores import CHEAP_SCORES as CHEAP_SCORES
from vsc_jax.evaluation._scores import SCORES as SCORES
from vsc_jax.evaluation._scores import LabelledCodes as LabelledCodes
from vsc_jax.evaluation._scores import compute_scores as compute_scores
from vsc_jax.evaluation._scores import encoder_codes as encoder_codes
from vsc_jax.evaluation._scores import labelled_codes as labelled_codes
from vsc_jax.evaluation._scores import mean_scores as mean_scores
from vsc_jax.evaluation._step_charts import plot_kl_over_steps as plot_kl_over_steps
from vsc_jax.evaluation._step_charts import plot_training_curves as plot_training_curves
from vsc_jax.evaluation._sweep_figures import plot_curves as plot_curves
from vsc_jax.evaluation._traversal_figures import (
    plot_author_traversals as plot_author_traversals,
)
from vsc_jax.evaluation._traversal_figures import plot_traversals as plot_traversals
from vsc_jax.evaluation._traversal_figures import (
    save_traversal_gif as save_traversal_gif,
)
from vsc_jax.evaluation._traversals import (
    author_traversal_codes as author_traversal_codes,
)
from vsc_jax.evaluation._traversals import traversal_codes as traversal_codes
from vsc_jax.evaluation._traversals import traversal_values as traversal_values
