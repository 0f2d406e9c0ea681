"""Time of one training step of the 64-pixel convolutional VAE, beside PyTorch's.

`python -m experiments.benchmark.train_step [--batch_size=64,256] [--steps=40]`

One step is loss, gradient and Adam of the VAE with 10 latents, in float32 on all
cores. Ours is the trainer's, several steps inside one compiled loop; PyTorch's is
eager, with images and weights in channels_last. Blocks of each alternate in one
process, and medians over blocks are reported. The ratio means something on an otherwise
idle machine only: other programs slow PyTorch's threads, which wait for one another,
far more than ours. So the load is printed, with a warning if it is high. Where PyTorch
is not installed, only our times are printed.

Measured on 2 cores of an AMD EPYC (Zen 4), otherwise idle, jax 0.10.2, PyTorch 2.13,
four runs of this command: batch 64, ours 68 to 72 ms, PyTorch 74 to 78 ms, ratio 0.90
to 0.94; batch 256, ours 282 to 294 ms, PyTorch 301 to 329 ms, ratio 0.87 to 0.94. Two
CPU devices that share the batch (JAX_NUM_CPU_DEVICES=2) took as long as one.

On one core, with a prototype of the same matrix products, batch 64, of 132 ms of CPU
time: products 90; relayouts, masks and sums around them about 25; log-likelihood 6;
rest (Adam, dense layers, small operations) about 11. About 15 of the products' 90 are
the borders of the 2x2 cells (computed from shapes). A program of a single step took
about 40 ms of CPU time more than the loop, which keeps its buffers from step to step.
"""

import importlib.util
import itertools
import os
import statistics
import time
from collections.abc import Sequence

import jax
from absl import flags

from experiments import _flags
from experiments._environment import prepare
from experiments._errors import UserError
from experiments.benchmark._steps import (
    LEARNING_RATE,
    Step,
    make_steps,
    positive_numbers,
)
from vsc_jax.models import VAE

_BATCH_SIZE = flags.DEFINE_list("batch_size", ["64", "256"], "Images per step.")
_STEPS = flags.DEFINE_integer("steps", 40, "Timed steps of each, at least 4.", 4)
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 64, "Pixels along each side.")

IMAGE_SIZES = (28, 32, 64)  # with channels of their own

LATENT_DIM = 10
NUM_BLOCKS = 8


def make_ours(batch_size: int, image_size: int, *, steps_per_call: int) -> Step:
    """Training steps of the convolutional VAE of vsc_jax."""
    shape = (image_size, image_size, 1)
    model = VAE(shape, latent_dim=LATENT_DIM, network="conv")
    return make_steps(model, batch_size, steps_per_call=steps_per_call)


def make_torch(batch_size: int, image_size: int) -> Step:
    """Training steps of the same network in PyTorch, channels_last."""
    import torch  # pyright: ignore[reportMissingImports]
    from torch import nn  # pyright: ignore[reportMissingImports]

    (encoder, decoder), channels = _torch_networks(image_size), torch.channels_last
    networks = nn.ModuleList([encoder, decoder])
    networks.to(memory_format=channels)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.Adam(networks.parameters(), lr=LEARNING_RATE)
    x = (torch.rand(batch_size, 1, image_size, image_size) < 0.1).float()
    x = x.contiguous(memory_format=channels)

    def run_steps(num_steps: int) -> None:
        for _ in range(num_steps):
            mean, log_var = encoder(x).chunk(2, dim=-1)
            z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
            loss = nn.functional.binary_cross_entropy_with_logits(
                decoder(z), x, reduction="sum"
            )
            kl = 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum()
            optimizer.zero_grad(set_to_none=True)
            ((loss + kl) / batch_size).backward()
            optimizer.step()

    return run_steps


def _torch_networks(image_size: int):
    """Encoder and decoder of `vsc_jax.networks.build_networks("conv", ...)`."""
    from torch import nn  # pyright: ignore[reportMissingImports]

    from vsc_jax.networks import build_networks

    shape = (image_size, image_size, 1)
    trunk = build_networks("conv", image_shape=shape, latent_dim=LATENT_DIM)[0].trunk
    channels, features = (1, *trunk.channels), trunk.features
    size = image_size // 2 ** len(trunk.channels)
    encoder, decoder = [], []
    for fine, coarse in itertools.pairwise(channels):
        encoder += [nn.Conv2d(fine, coarse, 4, 2, 1), nn.ReLU()]
        decoder = [nn.ConvTranspose2d(coarse, fine, 4, 2, 1), nn.ReLU(), *decoder]
    num_flat = channels[-1] * size**2
    encoder += [nn.Flatten(), nn.Linear(num_flat, features), nn.ReLU()]
    encoder += [nn.Linear(features, 2 * LATENT_DIM)]
    start = [nn.Linear(LATENT_DIM, features), nn.ReLU(), nn.Linear(features, num_flat)]
    start += [nn.ReLU(), nn.Unflatten(1, (channels[-1], size, size))]
    return nn.Sequential(*encoder), nn.Sequential(*start, *decoder[:-1])


def median_times(runs: dict[str, Step], num_steps: int) -> dict[str, float]:
    """Median seconds per step of each, from blocks that alternate."""
    num_blocks = min(NUM_BLOCKS, num_steps)
    block = num_steps // num_blocks
    times = {name: [] for name in runs}
    for run_steps in runs.values():
        run_steps(block)
    for _ in range(num_blocks):
        for name, run_steps in runs.items():
            start = time.perf_counter()
            run_steps(block)
            times[name].append((time.perf_counter() - start) / block)
    return {name: statistics.median(values) for name, values in times.items()}


def compare(batch_size: int, num_steps: int, image_size: int) -> str:
    """One line with the times at one batch size."""
    block = num_steps // min(NUM_BLOCKS, num_steps)
    runs = {"ours": make_ours(batch_size, image_size, steps_per_call=block)}
    if importlib.util.find_spec("torch"):
        runs["torch"] = make_torch(batch_size, image_size)
    times = median_times(runs, num_steps)
    line = f"batch {batch_size}: ours {1e3 * times['ours']:.1f} ms per step"
    if "torch" in times:
        line += (
            f"; PyTorch {1e3 * times['torch']:.1f} ms; "
            f"ratio {times['ours'] / times['torch']:.2f}"
        )
    return line


def main(argv: Sequence[str]) -> None:
    """Prints one line per batch size."""
    _flags.refuse_words(argv)
    batch_sizes = positive_numbers("batch_size", _BATCH_SIZE.value)
    if _IMAGE_SIZE.value not in IMAGE_SIZES:
        raise UserError(f"--image_size must be 28, 32 or 64, got {_IMAGE_SIZE.value}.")
    prepare()
    if importlib.util.find_spec("torch"):
        import torch  # pyright: ignore[reportMissingImports]

        print(
            f"jax {jax.__version__} on {jax.default_backend()}, torch "
            f"{torch.__version__} with {torch.get_num_threads()} threads"
        )
    else:
        print("PyTorch is not installed: our times alone (pip install torch).")
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"Other programs are running (load {load:.1f}): times are not reliable.")
    for batch_size in batch_sizes:
        print(compare(batch_size, _STEPS.value, _IMAGE_SIZE.value), flush=True)


if __name__ == "__main__":
    _flags.run(main)
