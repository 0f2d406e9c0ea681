"""Flax Linen modules: `init` and `apply` are pure functions of a params pytree."""

from vsc_jax.networks._batch_norm import BatchNorm as BatchNorm
from vsc_jax.networks._batch_norm import keep_local as keep_local
from vsc_jax.networks._build import build_networks as build_networks
from vsc_jax.networks._classifier import Classifier as Classifier
from vsc_jax.networks._dcgan import DCGANDecoder as DCGANDecoder
from vsc_jax.networks._dcgan import DCGANTrunk as DCGANTrunk
from vsc_jax.networks._decoders import ConvDecoder as ConvDecoder
from vsc_jax.networks._decoders import MLPDecoder as MLPDecoder
from vsc_jax.networks._discriminator import Discriminator as Discriminator
from vsc_jax.networks._encoder import Encoder as Encoder
from vsc_jax.networks._init import init_params as init_params
from vsc_jax.networks._pooled_trunk import PooledConvTrunk as PooledConvTrunk
from vsc_jax.networks._posterior import Posterior as Posterior
from vsc_jax.networks._state import merge_state as merge_state
from vsc_jax.networks._state import split_state as split_state
from vsc_jax.networks._strided_conv import StridedConv as StridedConv
from vsc_jax.networks._strided_conv import TransposedConv as TransposedConv
from vsc_jax.networks._strided_conv import matrix_convolutions as matrix_convolutions
from vsc_jax.networks._strided_conv import strided_conv as strided_conv
from vsc_jax.networks._strided_conv import transposed_conv as transposed_conv
from vsc_jax.networks._trunks import MLP as MLP
from vsc_jax.networks._trunks import ConvTrunk as ConvTrunk

__all__ = [
    "MLP",
    "BatchNorm",
    "Classifier",
    "ConvDecoder",
    "ConvTrunk",
    "DCGANDecoder",
    "DCGANTrunk",
    "Discriminator",
    "Encoder",
    "MLPDecoder",
    "PooledConvTrunk",
    "Posterior",
    "StridedConv",
    "TransposedConv",
    "build_networks",
    "init_params",
    "keep_local",
    "matrix_convolutions",
    "merge_state",
    "split_state",
    "strided_conv",
    "transposed_conv",
]
