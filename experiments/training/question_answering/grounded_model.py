"""The grounded model: a language model, an encoder of senses, and the projector between them.

A dialogue (`experiments.training.question_answering.dialogues`) has markers where memories are
shown as soft tokens. There the language model is given the projected vectors of the encoder in
place of words, and learns from its own answers alone: the gradient reaches through them to the
senses.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from experiments.ground_truth.questions import ATTRIBUTES
from experiments.training.question_answering.batches import Batch, Numbers, Windows, moved, tensors
from experiments.training.question_answering.facts import NOT_ASKED, Sensed
from mind.claims.language import Attribute
from mind.language_models.inference import parameters
from mind.language_models.projector import MAPS
from mind.sense_encoder.encoder import SenseEncoder
from mind.sense_encoder.kinds import EMBEDDING_SIZE, KINDS, Kind
from mind.sense_encoder.trail import WINDOW


class Projector(nn.Module):
    """Eight linear maps from what is felt to what the language model reads."""

    def __init__(self, hidden: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(MAPS, EMBEDDING_SIZE, hidden) * 0.02)
        self.bias = nn.Parameter(torch.randn(MAPS, hidden) * 0.02)

    def forward(self, soft_tokens: Tensor, maps: Tensor) -> Tensor:
        """Return (N, hidden) of (N, 64), each through one of the maps, (N,)."""
        every = torch.einsum("nd,mdh->nmh", soft_tokens, self.weight) + self.bias
        return every[torch.arange(len(soft_tokens), device=soft_tokens.device), maps]


class GroundedModel(nn.Module):
    """All that learns: the language model, the senses, the projector, and what vectors must tell.

    A vector must let the numbers of its window be told again, and the facts that its kind of memory
    can know.

    Args:
        model: Any causal language model.
        senses: The encoder.
        spread: Standard deviation of each number of the windows, by kind, for telling them again.
        values: The values of each attribute that vectors are to tell.
    """

    def __init__(
        self,
        model: Any,
        senses: SenseEncoder,
        spread: Mapping[Kind, NDArray],
        values: Mapping[Attribute, Sequence[str]],
    ):
        super().__init__()
        self.model, self.senses = model, senses
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._leaves_out = "logits_to_keep" in parameters(type(base))
        hidden = model.get_input_embeddings().embedding_dim
        self.projector = Projector(hidden)
        self.again = nn.ModuleDict(
            {kind: nn.Linear(EMBEDDING_SIZE, WINDOW[kind]) for kind in KINDS if kind in spread}
        )
        self.spread = nn.ParameterDict(
            {kind: nn.Parameter(torch.tensor(one).float(), False) for kind, one in spread.items()}
        )
        self.known = nn.ModuleDict(
            {
                attribute: nn.Linear(EMBEDDING_SIZE, len(known))
                for attribute, known in values.items()
            }
        )

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the losses: "told" of the mind's own words, and those of its senses."""
        windows = _as_numbers(batch.windows)
        memories = self.senses(windows)
        now = self.senses.feel_now(windows)
        every = torch.cat([memories, now], dim=1)  # (M, 8, 64)
        soft_tokens = every.flatten(0, 1)[batch.soft_rows] * batch.soft_kept[:, None]
        embedded = self.model.get_input_embeddings()(batch.tokens)
        projected = self.projector(soft_tokens, batch.soft_rows % MAPS)
        embedded = embedded.masked_scatter(batch.is_soft[..., None], projected.to(embedded))
        # Logits only where any row goes on to say something: most words are merely read.
        columns = batch.said[:, 1:].any(dim=0).nonzero().flatten()
        logits = self.model(
            inputs_embeds=embedded,
            attention_mask=batch.mask(),
            position_ids=batch.position,
            use_cache=False,
            **({"logits_to_keep": columns} if self._leaves_out else {}),
        ).logits
        logits = logits if self._leaves_out else logits[:, columns]
        each = nn.functional.cross_entropy(
            logits.flatten(0, 1), batch.tokens[:, columns + 1].flatten(), reduction="none"
        )
        said = batch.said[:, columns + 1].flatten()
        answer_loss = (each * said).sum() / said.sum()
        return {"told": answer_loss, **self._of_senses(windows, memories, batch.numbers)}

    def sense_losses(self, sensed: Sensed) -> dict[str, Tensor]:
        """Return the losses of the senses alone: "again" and "known"."""
        windows, numbers = self._here(sensed)
        return self._of_senses(windows, self.senses(windows), numbers)

    @torch.no_grad()
    def knows(self, sensed: Sensed) -> dict[str, float]:
        """Return in what share of windows each fact can be told from its vector."""
        windows, numbers = self._here(sensed)
        memories = self.senses(windows)
        shares = {}
        for attribute, true in numbers.items():
            right = self._guesses(attribute, memories).argmax(dim=1) == true
            shares[str(attribute)] = right[true != NOT_ASKED].float().mean().item()
        return shares

    @property
    def device(self) -> torch.device:
        """Where all of it is."""
        return self.projector.weight.device

    def _here(self, sensed: Sensed) -> tuple[Windows, Numbers]:
        windows, numbers = moved(tensors(sensed), self.device)
        return _as_numbers(windows), numbers

    def _of_senses(self, windows: Windows, memories: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        return {"again": self._again(windows, memories), "known": self._known(memories, numbers)}

    def _known(self, memories: Tensor, numbers: Numbers) -> Tensor:
        """Return the mean loss of telling facts, over attributes that are told of any window."""
        errors = [
            nn.functional.cross_entropy(
                self._guesses(attribute, memories), true, ignore_index=NOT_ASKED
            )
            for attribute, true in numbers.items()
        ]
        return torch.stack(errors).mean() if errors else memories.new_zeros(())

    def _guesses(self, attribute: Attribute, memories: Tensor) -> Tensor:
        return self.known[attribute](memories[:, KINDS.index(ATTRIBUTES[attribute])])

    def _again(self, windows: Windows, memories: Tensor) -> Tensor:
        errors = [
            (again(memories[:, KINDS.index(Kind(kind))]) - windows[Kind(kind)] / self.spread[kind])
            .square()
            .mean()
            for kind, again in self.again.items()
        ]
        return torch.stack(errors).mean()


def _as_numbers(windows: Windows) -> Windows:
    return {kind: rows.float() for kind, rows in windows.items()}
