"""Trains the default recognizer: `python -m services.entities.training.train --help`.

Two rounds. The first learns from the annotated sets alone. `label` then reads unlabelled news with that network, and
`train --also FILE` learns from both. Every run is seeded, writes a checkpoint every few minutes and goes on from it.
"""
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import argparse
import logging
import math
import random
import time
from collections import Counter
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn import functional

from services.entities.encoding import LABELS, Encoded, Encoder
from services.entities.training import data as sets
from services.entities.training.network import Network, from_minilm, from_shipped, padded, reduced, stored
from services.entities.training.relabel import PseudoParagraph, read_pseudo
from services.entities.training.synthetic import World, made
from services.entities.training.teacher import TeacherNetwork, from_mpnet
from services.entities.transformer import MODEL_FOLDER

logger = logging.getLogger("train")

Row = tuple[Encoded, tuple[int, ...], "torch.Tensor | None"]


def rows_of_epoch(
    gold: list[sets.Sentence],
    pseudo: list[PseudoParagraph],
    pools: sets.Pools,
    encoder: Encoder,
    rng: random.Random,
    *,
    repeat: int,
    world: World | None = None,
    sentences: int = 0,
    share: float = 1.0,
) -> list[Row]:
    """One epoch's examples in random order: the annotated sentences `repeat` times, each time varied anew, and
    `sentences` of our own with the names of `world`; of the relabelled paragraphs a `share`, chosen anew.
    """
    rows: list[Row] = []
    for _ in range(repeat):
        for item in sets.paragraphs([sets.varied(s, rng, pools) for s in gold], rng, max_words=110):
            rows.append((encoder.encode(item.words), item.labels, None))
    if world is not None and sentences:
        own = [sets.varied(made(world, rng), rng, pools) for _ in range(sentences)]
        for item in sets.paragraphs(own, rng, max_words=110):
            rows.append((encoder.encode(item.words), item.labels, None))
    for paragraph in rng.sample(pseudo, round(len(pseudo) * share)):
        # the teacher read it as printed; a headline's capitals hide nothing that it then told
        rows.append((encoder.encode(sets.recased(paragraph.words, rng)), (), paragraph.probabilities))
    rng.shuffle(rows)
    return rows


def batches(rows: list[Row], pieces: int, rng: random.Random) -> list[list[Row]]:
    """Rows of like length together, at most `pieces` padded pieces a batch, batches in random order."""
    out: list[list[Row]] = []
    for start in range(0, len(rows), 2000):
        chunk = sorted(rows[start : start + 2000], key=lambda row: len(row[0].ids))
        batch: list[Row] = []
        for row in chunk:
            if batch and (len(batch) + 1) * len(row[0].ids) > pieces:
                out.append(batch)
                batch = []
            batch.append(row)
        if batch:
            out.append(batch)
    rng.shuffle(out)
    return out


def tensors(batch: list[Row], device: torch.device) -> tuple[torch.Tensor, ...]:
    """ids, features, mask [batch, length]; then flat positions of words, their labels and their distributions."""
    ids, features, mask = padded([row[0] for row in batch])
    length = ids.shape[1]
    at: list[int] = []
    labels: list[int] = []
    soft_at: list[int] = []
    soft: list[torch.Tensor] = []
    for i, (encoded, row_labels, distribution) in enumerate(batch):
        if distribution is None:
            for first, label in zip(encoded.firsts, row_labels, strict=True):
                if first >= 0 and label != sets.IGNORED:
                    at.append(i * length + first)
                    labels.append(label)
        else:
            kept = [j for j, first in enumerate(encoded.firsts) if first >= 0]
            soft_at.extend(i * length + encoded.firsts[j] for j in kept)
            soft.append(distribution[kept])
    return (
        ids.to(device),
        features.to(device),
        mask.to(device),
        torch.tensor(at, dtype=torch.long, device=device),
        torch.tensor(labels, dtype=torch.long, device=device),
        torch.tensor(soft_at, dtype=torch.long, device=device),
        (torch.cat(soft) if soft else torch.zeros(0, len(LABELS))).float().to(device),
    )


def loss_of(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Summed negative log likelihood; where a set leaves MISC open, that of "O or MISC" (a marginal likelihood)."""
    logs = torch.log_softmax(scores, dim=-1)
    open_ = labels == sets.O_OR_MISC
    hard = functional.nll_loss(logs[~open_], labels[~open_], reduction="sum")
    either = torch.logsumexp(logs[open_][:, [0, 7, 8]], dim=-1)
    return hard - either.sum()


def beginning(arguments: argparse.Namespace) -> Network | TeacherNetwork:
    """The network that training starts from."""
    if arguments.mpnet:
        return from_mpnet(arguments.mpnet, Tokenizer.from_file(str(arguments.minilm / "tokenizer.json")))
    if arguments.start in (Path("shipped"), Path("shipped-fast")):
        network = from_shipped(MODEL_FOLDER, "fast" if arguments.start.name == "shipped-fast" else "default")
    else:
        network = stored(arguments.start) if arguments.start else from_minilm(arguments.minilm)
    if arguments.keep_layers:
        kept = tuple(int(number) for number in arguments.keep_layers.split(","))
        network = reduced(network, layers=kept, inner=arguments.inner)
    return network


def train(arguments: argparse.Namespace) -> None:
    """Trains and leaves `network.pt` and the checkpoint in `arguments.out`."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    chosen = arguments.device
    device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if chosen == "auto" else chosen)
    encoder = Encoder(Tokenizer.from_file(str(arguments.minilm / "tokenizer.json")))
    gold = sets.training_sentences(arguments.data / "annotated.jsonl.gz")
    world = World() if arguments.made else None
    pools = sets.Pools(gold, world.swap if world else None)
    pseudo = read_pseudo(arguments.also) if arguments.also else []
    logger.info("sentences %s, relabelled paragraphs %d", dict(Counter(s.source for s in gold)), len(pseudo))
    network = beginning(arguments)
    start = {name: value.clone() for name, value in network.state_dict().items()} if arguments.start_share else {}
    if arguments.keep_words:
        network.words.weight.requires_grad_(False)
    network.to(device).train()
    fresh = [p for n, p in network.named_parameters() if n.startswith(("features", "labels"))]
    known = [p for n, p in network.named_parameters() if p.requires_grad and not n.startswith(("features", "labels"))]
    groups = [
        {"params": known, "lr": arguments.rate},
        {"params": fresh, "lr": arguments.rate * (1 if arguments.start else 5)},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)

    def planned(epoch: int) -> list[list[Row]]:
        rng = random.Random(f"{arguments.seed}/{epoch}")
        size = {"repeat": arguments.repeat, "world": world, "sentences": arguments.made}
        rows = rows_of_epoch(gold, pseudo, pools, encoder, rng, share=arguments.also_share, **size)
        return batches(rows, arguments.pieces, rng)

    plan = planned(0)
    total = int(len(plan) * arguments.epochs)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / (0.06 * total), max(0.02, (total - step) / (0.94 * total)))
    )
    # an average over the last steps: what a smaller learning rate would find, without its steps
    mean = {name: value.detach().clone() for name, value in network.state_dict().items()}
    step = 0
    saved = arguments.out / "checkpoint.pt"
    arguments.out.mkdir(parents=True, exist_ok=True)
    if saved.exists() and not arguments.fresh:
        state = torch.load(saved, map_location=device, weights_only=True)
        network.load_state_dict(state["network"])
        mean = state["mean"]
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        step = state["step"]
        torch.set_rng_state(state["rng"].cpu())
        logger.info("goes on from step %d", step)
    began = written = time.monotonic()
    epoch, base, running, seen, pieces = 0, 0, 0.0, 0, 0
    first = step
    while step < total:
        if step - base >= len(plan):
            base += len(plan)
            epoch += 1
            plan = planned(epoch)
            continue
        ids, features, mask, at, labels, soft_at, soft = tensors(plan[step - base], device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=arguments.bfloat16):
            scores = network(ids, features, mask)
        flat = scores.float().reshape(-1, len(LABELS))
        loss = loss_of(flat[at], labels)
        if len(soft_at):
            logs = torch.log_softmax(flat[soft_at], dim=-1)
            loss = loss + arguments.soft_weight * -(soft * logs).sum()
        words = len(at) + len(soft_at)
        (loss / max(1, words)).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
        step += 1
        if step % 4 == 0:  # every fourth step is as good and a quarter of the work
            keep = min(arguments.average, 1 - 4 / (step + 4)) if arguments.average else 0.0
            for name, value in network.state_dict().items():
                if value.is_floating_point():
                    mean[name].lerp_(value, 1 - keep)
        running, seen, pieces = running + loss.item(), seen + words, pieces + int(mask.sum())
        if step % 100 == 0 or step == first + 10:
            speed = pieces / (time.monotonic() - began)
            logger.info(
                "step %d of %d, epoch %d, loss %.4f a word, %.0f pieces/s", step, total, epoch, running / seen, speed
            )
            running, seen = 0.0, 0
        if not math.isfinite(running):
            raise SystemExit(f"the loss is {running} at step {step}: lower --rate")
        if time.monotonic() - written > arguments.checkpoint_minutes * 60:
            state = {"network": network.state_dict(), "mean": mean, "optimizer": optimizer.state_dict(), "step": step}
            state |= {"schedule": schedule.state_dict(), "rng": torch.get_rng_state()}
            torch.save(state, saved.with_suffix(".tmp"))
            saved.with_suffix(".tmp").replace(saved)
            written = time.monotonic()
    if arguments.average:
        network.load_state_dict(mean)
    for name, value in network.state_dict().items():
        if name in start and value.is_floating_point():
            value.lerp_(start[name].to(value.device), arguments.start_share)
    torch.save({k: v.cpu() for k, v in network.state_dict().items()}, arguments.out / "network.pt")
    saved.unlink(missing_ok=True)
    logger.info("written %s after %.0f s", arguments.out / "network.pt", time.monotonic() - began)
    report(network.eval(), encoder, arguments.data, device)


def report(network: Network | TeacherNetwork, encoder: Encoder, folder: Path, device: torch.device) -> None:
    """Logs strict span F1 on what was held back, per set."""
    from services.entities.decoding import best_path
    from services.entities.scoring import SpanScore, gold_spans, joined

    scores: dict[str, SpanScore] = {}
    with torch.inference_mode():
        for source, tokens, tags in sets.held_back(folder / "annotated.jsonl.gz"):
            text, offsets = joined(tokens)
            found = sets.words(text)
            encoded = encoder.encode([w.text for w in found])
            kept = [i for i, first in enumerate(encoded.firsts) if first >= 0]
            if not kept:
                continue
            ids = torch.tensor([encoded.ids[:512]], device=device)
            features = torch.tensor([encoded.features[:512]], device=device)
            logs = torch.log_softmax(network(ids, features)[0], dim=-1).cpu().numpy()
            path = best_path(logs[[min(encoded.firsts[i], 511) for i in kept]])
            got = {(found[kept[a]].start, found[kept[b - 1]].end, label) for a, b, label in path}
            masked = source in ("uner_ewt", "wnut17")
            scores.setdefault(source, SpanScore()).add(gold_spans(offsets, tags), got, masked=masked)
    for source, score in sorted(scores.items()):
        logger.info("%-20s %s", source, score)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with annotated.jsonl.gz")
    parser.add_argument(
        "--minilm", type=Path, required=True, help="folder with MiniLM's model.safetensors, tokenizer.json"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint.pt and network.pt")
    parser.add_argument("--also", type=Path, help="paragraphs relabelled by services.entities.training.relabel")
    parser.add_argument("--also-share", type=float, default=1.0, help="share of those that an epoch shows")
    parser.add_argument("--start", type=Path, help="network.pt to go on from; shipped, shipped-fast: ours; else MiniLM")
    parser.add_argument(
        "--mpnet", type=Path, help="train the teacher, from MPNet's model.safetensors and vocab.txt here"
    )
    parser.add_argument(
        "--made", type=int, default=0, help="sentences of our own an epoch; names are then invented too"
    )
    parser.add_argument(
        "--average", type=float, default=0.0, help="weight of the past in averaged weights, as 0.98; 0: none"
    )
    parser.add_argument(
        "--start-share",
        type=float,
        default=0.0,
        help="share of the starting weights in what is written (Wortsman et al., Robust fine-tuning, 2022); 0: none",
    )
    parser.add_argument("--keep-layers", default="", help="train a smaller student: these layers of --start, as 0,3")
    parser.add_argument("--inner", type=int, default=512, help="width of the student's layers' middle")
    parser.add_argument("--keep-words", action="store_true", help="leave the word vectors as --start has them")
    parser.add_argument("--epochs", type=float, default=5.0)
    parser.add_argument("--repeat", type=int, default=1, help="times an epoch shows the annotated sentences")
    parser.add_argument("--rate", type=float, default=1e-4, help="highest learning rate")
    parser.add_argument("--soft-weight", type=float, default=1.0, help="weight of a relabelled word against a gold one")
    parser.add_argument("--pieces", type=int, default=2048, help="padded word pieces a batch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--bfloat16", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--checkpoint-minutes", type=float, default=3.0)
    parser.add_argument("--fresh", action="store_true", help="forget an old checkpoint")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train(arguments)


if __name__ == "__main__":
    main()
