"""Flax Linen modules: `init` and `apply` are pure functions of a params pytree."""

from vsc_jax.networks._all_conv import AllConvClassifier as AllConvClassifier
from vsc_jax.networks._all_conv import ConvNoise as ConvNoise
from vsc_jax.networks._all_conv import LayerUnits as LayerUnits
from vsc_jax.networks._batch_norm import BatchNorm as BatchNorm
from vsc_jax.networks._batch_norm import Gather as Gather
from vsc_jax.networks._batch_norm import keep_local as keep_local
from vsc_jax.networks._build import build_networks as build_networks
from vsc_jax.networks._classifier import Classifier as Classifier
from vsc_jax.networks._dcgan import DCGANDecoder as DCGANDecoder
from vsc_jax.networks._dcgan import DCGANTrunk as DCGANTrunk
from vsc_jax.networks._decoders import ConvDecoder as ConvDecoder
from vsc_jax.networks._decoders import MLPDecoder as MLPDecoder
from vsc_jax.networks._discriminator import Discriminator as Discriminator
from vsc_jax.networks._encoder import Encoder as Encoder
from vsc_jax.networks._encoder import log_softplus as log_softplus
from vsc_jax.networks._gan import CodeHead as CodeHead
from vsc_jax.networks._gan import Generator as Generator
from vsc_jax.networks._gan import ImageDiscriminator as ImageDiscriminator
from vsc_jax.networks._gan import PairDiscriminator as PairDiscriminator
from vsc_jax.networks._gan import gan_channels as gan_channels
from vsc_jax.networks._grid import BroadcastDecoder as BroadcastDecoder
from vsc_jax.networks._grid import GridEncoder as GridEncoder
from vsc_jax.networks._grid import cell_centres as cell_centres
from vsc_jax.networks._information_dropout import ACTIVATIONS as ACTIVATIONS
from vsc_jax.networks._information_dropout import (
    InformationDropout as InformationDropout,
)
from vsc_jax.networks._information_dropout import NoisyUnits as NoisyUnits
from vsc_jax.networks._init import DTYPES as DTYPES
from vsc_jax.networks._init import INITIALIZERS as INITIALIZERS
from vsc_jax.networks._init import init_params as init_params
from vsc_jax.networks._own_networks import BoundNetwork as BoundNetwork
from vsc_jax.networks._own_networks import Network as Network
from vsc_jax.networks._own_networks import NetworkFunctions as NetworkFunctions
from vsc_jax.networks._own_networks import OwnNetworks as OwnNetworks
from vsc_jax.networks._own_networks import bind_networks as bind_networks
from vsc_jax.networks._pooled_trunk import PooledConvTrunk as PooledConvTrunk
from vsc_jax.networks._posterior import Posterior as Posterior
from vsc_jax.networks._recurrent import RecurrentHead as RecurrentHead
from vsc_jax.networks._spatial_transformer import crop_windows as crop_windows
from vsc_jax.networks._spatial_transformer import place_windows as place_windows
from vsc_jax.networks._spatial_transformer import resample as resample
from vsc_jax.networks._spectral_norm import spectral_norm as spectral_norm
from vsc_jax.networks._state import BATCH_STATS as BATCH_STATS
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
    "ACTIVATIONS",
    "BATCH_STATS",
    "DTYPES",
    "INITIALIZERS",
    "MLP",
    "AllConvClassifier",
    "BatchNorm",
    "BoundNetwork",
    "BroadcastDecoder",
    "Classifier",
    "CodeHead",
    "ConvDecoder",
    "ConvNoise",
    "ConvTrunk",
    "DCGANDecoder",
    "DCGANTrunk",
    "Discriminator",
    "Encoder",
    "Gather",
    "Generator",
    "GridEncoder",
    "ImageDiscriminator",
    "InformationDropout",
    "LayerUnits",
    "MLPDecoder",
    "Network",
    "NetworkFunctions",
    "NoisyUnits",
    "OwnNetworks",
    "PairDiscriminator",
    "PooledConvTrunk",
    "Posterior",
    "RecurrentHead",
    "StridedConv",
    "TransposedConv",
    "bind_networks",
    "build_networks",
    "cell_centres",
    "crop_windows",
    "gan_channels",
    "init_params",
    "keep_local",
    "log_softplus",
    "matrix_convolutions",
    "merge_state",
    "place_windows",
    "resample",
    "spectral_norm",
    "split_state",
    "strided_conv",
    "transposed_conv",
]
