"""A model of hardmax as a plain decoder-only transformer in PyTorch, in float64.

    hardmax export --safetensors wasm32.safetensors
    hardmax compile hello -o prompt.txt
    python3 decoder.py wasm32.safetensors prompt.txt            # generates, and prints what the program prints

    hardmax run hello --trace trace.txt
    python3 decoder.py wasm32.safetensors prompt.txt trace.txt  # compares every token that hardmax generated

Needs torch and safetensors, and nothing of hardmax but the files.
"""

import argparse
import json
import math
import re

import torch
from safetensors import safe_open

torch.set_default_dtype(torch.float64)


class Decoder:
    def __init__(self, path, attention, scale=1 / math.sqrt(2)):
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["hardmax"])
            self.weights = {name: file.get_tensor(name) for name in file.keys()}
        self.layers, self.heads = about["shape"]["layers"], about["shape"]["heads"]
        self.names, self.stop = about["vocabulary"], about["stop"]
        self.clears = about["clears"] or [{"after_attention": [], "after_feed_forward": []}] * self.layers
        ties = about["ties"] or [["average"] * self.heads] * self.layers
        self.latest = [torch.tensor([tie == "latest" for tie in layer]) for layer in ties]
        self.attention, self.scale = attention, scale
        self.cache = [None] * self.layers  # keys and values of each layer, (heads, positions, 2)
        self.position = 0

    def linear(self, x, name):
        return x @ self.weights[name + ".weight"].T

    def forward(self, tokens):
        """Takes tokens at the next positions and returns their logits, (tokens, vocabulary)."""
        t = torch.arange(self.position, self.position + len(tokens)).double()
        self.position += len(tokens)
        x = self.weights["embedding.weight"][tokens]
        x[:, 0] += t
        x[:, 1] += 1 / math.log(2) - 1 / torch.log(t + 2)
        x[:, 2] += t * t
        for layer in range(self.layers):
            name = f"layers.{layer}."
            x = x + self.linear(self.attend(x, layer), name + "attention.output")
            x[:, self.clears[layer]["after_attention"]] = 0
            gate, value = (self.linear(x, name + "feed_forward." + part) for part in ("gate", "value"))
            x = x + self.linear(torch.relu(gate) * value, name + "feed_forward.output")
            x[:, self.clears[layer]["after_feed_forward"]] = 0
        return self.linear(x, "head")

    def attend(self, x, layer):
        parts = (self.linear(x, f"layers.{layer}.attention.{part}") for part in ("query", "key", "value"))
        q, k, v = (part.view(len(x), self.heads, 2).transpose(0, 1) for part in parts)
        if self.cache[layer] is not None:
            k, v = (torch.cat(pair, dim=1) for pair in zip(self.cache[layer], (k, v)))
        self.cache[layer] = k, v
        scores = q[..., :1] * k[:, None, :, 0] + q[..., 1:] * k[:, None, :, 1]
        future = torch.ones(scores.shape[1:], dtype=torch.bool).triu(k.shape[1] - q.shape[1] + 1)
        scores = scores.masked_fill(future, -math.inf)
        if self.attention == "softmax":
            attention = torch.softmax(scores * self.scale, dim=-1)
        else:
            attention = hardmax(scores, self.latest[layer])
        return (attention @ v).transpose(0, 1).reshape(len(x), -1)


def hardmax(scores, latest):
    """All weight on the greatest score: on the latest of several, or on all of them alike."""
    winners = scores == scores.amax(dim=-1, keepdim=True)
    last = winners.flip(-1).byte().argmax(dim=-1, keepdim=True)
    only = torch.zeros_like(winners).scatter_(-1, winners.shape[-1] - 1 - last, True)
    winners = torch.where(latest[:, None, None], only, winners).double()
    return winners / winners.sum(dim=-1, keepdim=True)


def read(path, names):
    """Token ids of a program or trace as text, in which a character stands for its byte."""
    ids = {name: id for id, name in enumerate(names)}
    words = open(path, encoding="utf-8").read().replace("<sp>", "20").split()
    return [ids[word] if word in ids else ids["%02x" % ord(word)] for word in words]


def printed(name):
    """What a token prints: out(a) and out(0a) are bytes of output."""
    found = re.fullmatch(r"out\((.+)\)", name)
    return "" if not found else found[1] if len(found[1]) == 1 else chr(int(found[1], 16))


def generate(model, prompt, limit):
    """Greedy decoding, until the stop token or the limit."""
    generated, tokens = 0, prompt
    while generated < limit and tokens != [model.stop]:
        tokens = [model.forward(torch.tensor(tokens))[-1].argmax().item()]
        generated += 1
        print(printed(model.names[tokens[0]]), end="", flush=True)
    print(f"\n{generated} tokens generated")


def compare(model, prompt, trace, limit, block):
    """Predicts every token of a trace from those before it. Where all are equal, greedy decoding generates it."""
    assert trace[: len(prompt)] == prompt, "the trace has another prompt"
    trace = torch.tensor(trace[: len(prompt) + limit])
    equal, first = 0, None
    for start in range(0, len(trace) - 1, block):
        here = torch.arange(start, min(start + block, len(trace) - 1))
        same = model.forward(trace[here]).argmax(dim=-1) == trace[here + 1]
        wrong = here[(here >= len(prompt) - 1) & ~same]
        if len(wrong) and first is None:
            first = wrong[0].item() + 1
        equal += (same & (here >= len(prompt) - 1)).sum().item()
    generated = len(trace) - len(prompt)
    print(f"{equal} of {generated} tokens equal" + ("" if first is None else f", the first other one at {first}"))
    return equal == generated


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="what hardmax export wrote")
    parser.add_argument("prompt", help="a token program, what hardmax compile wrote")
    parser.add_argument("trace", nargs="?", help="what hardmax run --trace wrote, as text")
    parser.add_argument("--attention", choices=["hardmax", "softmax"], default="hardmax")
    parser.add_argument("--scale", type=float, default=1 / math.sqrt(2), help="of the scores that softmax takes")
    parser.add_argument("--limit", type=int, default=20_000, help="at most so many generated tokens")
    parser.add_argument("--block", type=int, default=16, help="positions at once")
    given = parser.parse_args()
    model = Decoder(given.model, given.attention, given.scale)
    prompt = read(given.prompt, model.names)
    with torch.no_grad():
        if given.trace is None:
            generate(model, prompt, given.limit)
        else:
            trace = read(given.trace, model.names)
            raise SystemExit(not compare(model, prompt, trace, given.limit, given.block))
