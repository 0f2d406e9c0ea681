"""Time of one training step of the 64-pixel convolutional VAE, beside PyTorch's.

`python -m experiments.benchmark.train_step [--batch_size=64,256] [--steps=40]`

One step is loss, gradient and Adam of the VAE with 10 latents, in float32 on all
cores: ours as the trainer runs it, several steps inside one compiled loop, and as a
program of one step; PyTorch's eager, with images and weights in channels_last. Blocks
of each alternate in one process, and medians over blocks are reported. The ratio means
something on an otherwise idle machine only: other programs slow PyTorch's threads,
which wait for one another, far more than ours. So the load is printed, with a warning
if it is high. Where PyTorch is not installed, only our times are printed.

Measured on 2 cores of an AMD EPYC (Zen 4), jax 0.10.2, PyTorch 2.13:
- Wall time on both cores, batch 64, one comparison on an idle machine with a prototype
  of the same matrix products: 94 ms in the loop, 128 ms as a single step, PyTorch
  73 ms (medians), so a ratio of about 1.3 in the loop. Batch 256 was not measured so.
- CPU time on one core, which other programs disturb less: batch 64, 126 ms in the loop,
  170 ms as a single step, PyTorch 131 ms (medians; minima 124, 165 and 110); batch 256
  with the prototype, 581 ms in the loop, PyTorch 581 ms (minima 566 and 541).
- Where it goes, batch 64 in the loop, one core, prototype (ms of 132): matrix products
  90; relayouts, masks and sums around them about 25; log likelihood 6; rest (Adam,
  dense layers, small operations) about 11. About 15 of the products' 90 are the borders
  of the 2x2 cells (computed from shapes). PyTorch gains more from the second core.
- A single step pays about 40 ms of CPU time more than the loop, which keeps its buffers
  from step to step where a single step takes fresh pages from the system.
"""

import importlib.util
import itertools
import os
import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from absl import app, flags

from vsc_jax.models import VAE, Batch

_BATCH_SIZE = flags.DEFINE_list("batch_size", ["64", "256"], "Images per step.")
_STEPS = flags.DEFINE_integer("steps", 40, "Timed steps of each, at least 4.", 4)
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 64, "Pixels along each side.")

LATENT_DIM = 10
LEARNING_RATE = 1e-4
NUM_BLOCKS = 8

Step = Callable[[int], None]
"""Runs so many training steps and waits for them."""


def make_ours(batch_size: int, image_size: int, *, steps_per_call: int) -> Step:
    """Training steps of vsc_jax, `steps_per_call` in one compiled program."""
    model = VAE((image_size, image_size, 1), latent_dim=LATENT_DIM, network="conv")
    optimizer = optax.adam(LEARNING_RATE)
    x = jax.random.bernoulli(
        jax.random.key(0), 0.1, (batch_size, image_size, image_size, 1)
    )
    batch = Batch(x.astype(jnp.float32))
    weights = {name: jnp.float32(w) for name, w in model.default_weights.items()}

    def step(state, key):
        params, optimizer_state = state
        noise = model.noise(key, batch_size)
        gradient = jax.grad(lambda p: model.loss(p, batch, noise, weights)[0])(params)
        updates, optimizer_state = optimizer.update(gradient, optimizer_state)
        return (optax.apply_updates(params, updates), optimizer_state), None

    def run(state, key):
        return jax.lax.scan(step, state, jax.random.split(key, steps_per_call))[0]

    params = model.init(jax.random.key(1))
    state = (params, optimizer.init(params))
    key = jax.random.key(2)
    program = jax.jit(run, donate_argnums=0).lower(state, key).compile()

    def run_steps(num_steps: int) -> None:
        nonlocal state
        for _ in range(max(1, num_steps // steps_per_call)):
            state = program(state, key)
        jax.block_until_ready(state)

    return run_steps


def make_torch(batch_size: int, image_size: int) -> Step:
    """Training steps of the same network in PyTorch, channels_last."""
    import torch
    from torch import nn

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
    from torch import nn

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
    runs = {
        "loop": make_ours(batch_size, image_size, steps_per_call=block),
        "single": make_ours(batch_size, image_size, steps_per_call=1),
    }
    if importlib.util.find_spec("torch"):
        runs["torch"] = make_torch(batch_size, image_size)
    times = median_times(runs, num_steps)
    line = (
        f"batch {batch_size}: ours {1e3 * times['loop']:.1f} ms per step in a compiled "
        f"loop of {block}, {1e3 * times['single']:.1f} ms as a single step"
    )
    if "torch" in times:
        line += (
            f"; PyTorch {1e3 * times['torch']:.1f} ms; ratio "
            f"{times['loop'] / times['torch']:.2f} "
            f"(single step {times['single'] / times['torch']:.2f})"
        )
    return line


def main(argv: list[str]) -> None:
    """Prints one line per batch size."""
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {' '.join(argv[1:])}")
    if importlib.util.find_spec("torch"):
        import torch

        print(
            f"jax {jax.__version__} on {jax.default_backend()}, torch "
            f"{torch.__version__} with {torch.get_num_threads()} threads"
        )
    else:
        print("PyTorch is not installed: our times alone (pip install torch).")
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"Other programs are running (load {load:.1f}): times are not reliable.")
    for batch_size in _BATCH_SIZE.value:
        print(compare(int(batch_size), _STEPS.value, _IMAGE_SIZE.value), flush=True)


if __name__ == "__main__":
    app.run(main)
