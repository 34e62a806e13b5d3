#!/usr/bin/env python3
"""Trains the default detector on rendered pictures and exports it: train.py --data DIR... --out FILE.onnx --minutes M.

Debian's python3-torch and python3-onnx are all it needs. A checkpoint is written beside the output every minute and
taken up again after an interruption; the time given is the time spent in training altogether."""

import argparse
import math
import pathlib
import time

import numpy as np
import torch

import data
import measure
import network

SIZE_RANGE_PX = ((0, 56), (40, 120), (88, 1e9))  # longer side of what each stride looks for; they overlap on purpose
CENTRE_RADIUS = 1.5  # strides around a box's centre whose cells are to find it


def cells():
    """Centre (x, y) and stride of every cell, pixels."""
    rows = []
    for stride in network.STRIDES_PX:
        columns, lines = network.SIZE_PX[0] // stride, network.SIZE_PX[1] // stride
        y, x = torch.meshgrid(torch.arange(lines), torch.arange(columns), indexing="ij")
        rows.append(torch.stack([(x + 0.5) * stride, (y + 0.5) * stride, torch.full_like(x, stride)], 2).reshape(-1, 3).float())
    return torch.cat(rows)


CELLS = cells()
LEVEL = torch.cat([torch.full(((network.SIZE_PX[0] // s) * (network.SIZE_PX[1] // s),), i) for i, s in enumerate(network.STRIDES_PX)])


def assign(boxes):
    """For each cell the box that it has to find (-1: none), and whether it lies in something ignored."""
    owner = torch.full((len(CELLS),), -1, dtype=torch.long)
    ignored = torch.zeros(len(CELLS), dtype=torch.bool)
    if len(boxes) == 0:
        return owner, ignored
    x, y, stride = CELLS[:, :1], CELLS[:, 1:2], CELLS[:, 2:]
    x0, y0, x1, y1 = (boxes[:, k][None] for k in (1, 2, 3, 4))
    inside = (x > x0) & (x < x1) & (y > y0) & (y < y1)
    want = data.wanted(boxes)
    ignored = (inside & ~want[None]).any(1)
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    near = ((x - cx).abs() < CENTRE_RADIUS * stride) & ((y - cy).abs() < CENTRE_RADIUS * stride)
    side = torch.maximum(x1 - x0, y1 - y0)
    low = torch.tensor([r[0] for r in SIZE_RANGE_PX])[LEVEL][:, None]
    high = torch.tensor([r[1] for r in SIZE_RANGE_PX])[LEVEL][:, None]
    fits = (side >= low) & (side < high) & want[None]
    chosen = inside & near & fits
    # A box between the cells gets the nearest one.
    distance = ((x - cx) ** 2 + (y - cy) ** 2).sqrt() / stride + (~fits) * 1e6
    nearest = distance.argmin(0)
    for k in torch.nonzero(want & ~chosen.any(0)).flatten():
        chosen[nearest[k], k] = True
    area = ((x1 - x0) * (y1 - y0)).expand_as(chosen).masked_fill(~chosen, 1e9)
    smallest, index = area.min(1)
    owner = torch.where(smallest < 1e9, index, owner)
    return owner, ignored & (owner < 0)


def overlap(a, b):
    """Intersection over union of [n, 4] and [n, 4], and the generalised one (Rezatofighi et al. 2019)."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    both = (high - low).clamp(min=0).prod(1)
    union = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - both + 1e-6
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1) + 1e-6
    iou = both / union
    return iou, iou - (hull - union) / hull


def to_boxes(distances):
    """[..., 4] in strides to corners in pixels."""
    centre, stride = CELLS[:, :2], CELLS[:, 2:]
    return torch.cat([centre - distances[..., :2] * stride, centre + distances[..., 2:] * stride], -1)


def loss(outputs, boxes):
    """Quality focal loss (Li et al. 2020) of the classes and 2 x generalised overlap of the boxes."""
    found = to_boxes(outputs[..., :4])
    logits = outputs[..., 4:]
    target = torch.zeros_like(logits)
    weight = torch.ones(logits.shape[:2])
    mine, theirs = [], []
    for i, here in enumerate(boxes):
        owner, ignored = assign(here)
        weight[i][ignored] = 0.0
        at = torch.nonzero(owner >= 0).flatten()
        if len(at):
            truth = here[owner[at]]
            mine.append(found[i, at])
            theirs.append(truth[:, 1:5])
            with torch.no_grad():
                iou, _ = overlap(found[i, at], truth[:, 1:5])
            target[i, at, truth[:, 0].long()] = iou.clamp(0.05, 1)
    probability = torch.sigmoid(logits)
    crossed = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    classes = (crossed * (target - probability).abs().pow(2) * weight[..., None]).sum()
    if not mine:
        return classes / 10, 0.0, 0.0
    iou, general = overlap(torch.cat(mine), torch.cat(theirs))
    positives = len(iou)
    place = ((1 - general) * iou.detach().clamp(min=0.2)).sum()
    return (classes + 2 * place) / positives, float(classes.detach()) / positives, float(iou.mean().detach())


def export(model, path):
    """One picture in, probabilities out."""
    model.eval()
    model.probabilities = True
    width, height = network.SIZE_PX
    torch.onnx.export(
        model, torch.zeros(1, 2, height, width), str(path), opset_version=13, input_names=["picture"], output_names=["cells"]
    )
    model.probabilities = False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="first", help="checkpoint of an earlier training whose weights this one begins with")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    # One sequence in twenty is never trained on; what is measured here steers nothing but the eye of who trains.
    training = data.Pictures(args.data, lambda s: s % 20 != 7)
    held_out = data.Pictures(args.data, lambda s: s % 20 == 7)
    # Channels last: a third less time on a CPU.
    model = network.Detector().to(memory_format=torch.channels_last)
    average = network.Detector()
    average.load_state_dict(model.state_dict())
    optimiser = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=0.02)
    checkpoint = pathlib.Path(args.out).with_suffix(".checkpoint")
    spent_s, step = 0.0, 0
    if args.first:
        for one in (model, average):
            one.load_state_dict(torch.load(args.first)["average"])
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        spent_s, step = state["spent_s"], state["step"]
    print(f"{len(training)} pictures to train on, {len(held_out)} held out, {sum(p.numel() for p in model.parameters())} weights", flush=True)
    total_s, saved_s, told = args.minutes * 60, spent_s, time.monotonic()
    sums = np.zeros(3)
    while spent_s < total_s:
        begun = time.monotonic()
        part = spent_s / total_s
        warm = min(1.0, (step + 1) / 200)
        for group in optimiser.param_groups:
            group["lr"] = args.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part)))
        pictures, boxes = training.batch(training.draw(rng, args.batch))
        # The last tenth sees the pictures as they are, nearly: batch norm and scores settle on what will be met.
        if part < 0.9 or rng.random() < 0.5:
            pictures, boxes = data.augment(pictures, boxes, rng)
        model.train()
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        value, classes, iou = loss(model(pictures), boxes)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimiser.step()
        step += 1
        keep = min(0.999, 1 - 1 / (step / 10 + 1))
        with torch.no_grad():
            for mine, new in zip(average.state_dict().values(), model.state_dict().values()):
                if mine.dtype.is_floating_point:
                    mine.mul_(keep).add_(new, alpha=1 - keep)
                else:
                    mine.copy_(new)
        sums += (float(value.detach()), classes, iou)
        spent_s += time.monotonic() - begun
        if time.monotonic() - told > 30:
            told = time.monotonic()
            every = max(1, step - getattr(main, "told_step", 0))
            main.told_step = step
            print(f"{spent_s / 60:5.1f} min, step {step}: loss {sums[0] / every:.3f}, classes {sums[1] / every:.3f}, overlap {sums[2] / every:.3f}", flush=True)
            sums[:] = 0
        if spent_s - saved_s > 240 or spent_s >= total_s:
            saved_s = spent_s
            torch.save({"model": model.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict(), "spent_s": spent_s, "step": step}, checkpoint)
            average.eval()
            per_class = measure.ap50(average, held_out, limit=200)
            print("      held out, AP50: " + ", ".join(f"{name} {value:.3f}" for name, value in per_class.items()), flush=True)
            export(average, args.out)
            average.train()


if __name__ == "__main__":
    main()
