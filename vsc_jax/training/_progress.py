"""What a person sees while training: a bar on a terminal, lines elsewhere."""

import sys
import time

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Progress over steps with loss and steps per second.

    Where it cannot be shown any more (a terminal that was closed, `| head`) it goes
    on in silence: the run is more than its progress, and has to be saved.
    """

    def __init__(self, num_steps: int, *, show: bool) -> None:
        self._num_steps = num_steps
        self._show = show
        self._bar: tqdm | None = None
        self._last_line = 0.0

    def note(self, text: str) -> None:
        """A line of its own."""
        if self._show:
            try:
                print(text, flush=True)
            except OSError:
                self._show = False

    def start(self, step: int) -> None:
        """Shows the bar, at `step`, if it is not there yet."""
        if self._bar is None and self._show and sys.stderr.isatty():
            self._bar = tqdm(
                total=self._num_steps,
                initial=step,
                unit="step",
                dynamic_ncols=True,
                bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} "
                "[{elapsed}<{remaining}{postfix}]",
            )

    def update(self, step: int, loss: float, speed: float) -> None:
        """Moves to `step`."""
        text = f"loss {loss:.4g}, {speed:.3g} steps/s"
        if self._bar is not None:
            try:
                self._bar.set_postfix_str(text, refresh=False)
                self._bar.update(step - self._bar.n)
            except OSError:
                self._drop_bar()
        elif self._show:
            now = time.monotonic()
            is_last = step >= self._num_steps
            if is_last or now - self._last_line > SECONDS_BETWEEN_LINES:
                self._last_line = now
                self.note(f"step {step}/{self._num_steps}  {text}")

    def close(self) -> None:
        """Leaves the last state of the bar on the terminal."""
        if self._bar is not None:
            try:
                self._bar.close()
            except OSError:
                self._drop_bar()

    def _drop_bar(self) -> None:
        if self._bar is not None:
            self._bar.disable = True  # else it would write again when it is deleted
        self._bar, self._show = None, False
