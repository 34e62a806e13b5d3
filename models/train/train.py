#!/usr/bin/env python3
"""Trains the default detector on rendered pictures and exports it: train.py --data DIR... --out FILE.onnx --minutes M.

Debian's python3-torch and python3-onnx are all it needs. A checkpoint is written beside the output every four minutes and
taken up again after an interruption; the time given is what the training itself computes altogether, whoever else
works on the machine. At the end pictures for `quantise.py` are written beside it too."""

import argparse
import math
import pathlib
import time

import numpy as np
import torch

import data
import measure
import network

SIZE_RANGE_PX = ((0, 28), (20, 56), (40, 120), (88, 1e9))  # longer side of what each stride looks for; they overlap on purpose
CENTRE_RADIUS = 1.5  # strides around a box's centre whose cells are to find it
CALIBRATION = 60  # pictures from which `quantise.py` takes the ranges of values; 240 made boxes and scores no better
BAG, BAG_RADIUS, BAG_WEIGHT = network.CLASSES.index("bag"), 0.8, 3.0


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
    # A bag is mostly in front of who carries it, and must leave that person cells.
    radius = torch.where(boxes[:, 0] == BAG, torch.tensor(BAG_RADIUS), torch.tensor(CENTRE_RADIUS))[None]
    near = ((x - cx).abs() < radius * stride) & ((y - cy).abs() < radius * stride)
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


class Targets:
    """What a batch asks for: of the cells that have to find something their place, and class, box and weight."""

    def __init__(self, boxes):
        owners, ignored = zip(*map(assign, boxes))
        self.ignored = torch.stack(ignored)
        at, cell, truth, weight = [], [], [], []
        for i, (here, owner) in enumerate(zip(boxes, owners)):
            cells = torch.nonzero(owner >= 0).flatten()
            if len(cells):
                owned = owner[cells]
                at.append(torch.full_like(cells, i))
                cell.append(cells)
                truth.append(here[owned])
                # What has few cells must not be drowned by what has many; a bag has one or two, in the midst of a person's.
                few = (4.0 / torch.bincount(owned)[owned]).sqrt().clamp(0.6, 1.6)
                weight.append(torch.where(here[owned, 0] == BAG, BAG_WEIGHT * few, few))
        self.at, self.cell = (torch.cat(v) if v else torch.zeros(0, dtype=torch.long) for v in (at, cell))
        truth = torch.cat(truth) if truth else torch.zeros(0, 6)
        self.classes, self.boxes = truth[:, 0].long(), truth[:, 1:5]
        self.weight = torch.cat(weight) if weight else torch.zeros(0)


class Batches(torch.utils.data.IterableDataset):
    """Pictures and what they ask for, made in a process beside the training, which then does nothing else. `part` is how
    much of the training is done."""

    def __init__(self, pictures, batch, seed, part):
        self.pictures, self.batch, self.seed, self.part = pictures, batch, seed, part

    def __iter__(self):
        rng = np.random.default_rng(self.seed)
        while True:
            pictures, boxes = self.pictures.batch(self.pictures.draw(rng, self.batch))
            # The last tenth sees the pictures as they are, nearly: batch norm and scores settle on what will be met.
            if self.part.value < 0.9 or rng.random() < 0.5:
                pictures, boxes = data.augment(pictures, boxes, rng)
            yield pictures.contiguous(memory_format=torch.channels_last), Targets(boxes)


def overlap(a, b):
    """Intersection over union of [n, 4] and [n, 4], and the generalised one (Rezatofighi et al. 2019)."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    both = (high - low).clamp(min=0).prod(1)
    union = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - both + 1e-6
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1) + 1e-6
    iou = both / union
    return iou, iou - (hull - union) / hull


def to_boxes(distances, cells=slice(None)):
    """[..., 4] in strides to corners in pixels."""
    centre, stride = CELLS[cells, :2], CELLS[cells, 2:]
    return torch.cat([centre - distances[..., :2] * stride, centre + distances[..., 2:] * stride], -1)


def loss(outputs, targets):
    """Quality focal loss (Li et al. 2020) of the classes and 2 x generalised overlap of the boxes. The quality is the root
    of the overlap: small objects overlap badly, and with the overlap itself their scores stayed too low to be tracked."""
    logits = outputs[..., 4:]
    target = torch.zeros_like(logits)
    weight = (~targets.ignored).float()
    some = len(targets.cell) > 0
    if some:
        found = to_boxes(outputs[targets.at, targets.cell, :4], targets.cell)
        iou, general = overlap(found, targets.boxes)
        target[targets.at, targets.cell, targets.classes] = iou.detach().clamp(min=0.01).sqrt()
        weight[targets.at, targets.cell] = targets.weight
    probability = torch.sigmoid(logits)
    crossed = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    classes = (crossed * (target - probability).square() * weight[..., None]).sum()
    if not some:
        return classes / 10, 0.0, 0.0
    positives = targets.weight.sum()
    place = ((1 - general) * iou.detach().clamp(min=0.4) * targets.weight).sum()
    return (classes + 2 * place) / positives, float(classes.detach()) / float(positives), float(iou.mean().detach())


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
    parser.add_argument("--threads", type=int, default=1, help="of the network; the pictures have a process of their own")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bfloat16", action="store_true", help="for CPUs that compute with it")
    parser.add_argument("--from", dest="first", help="exported file whose weights this training begins with")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    # One sequence in twenty is never trained on; of what is measured here only the scores' level is taken (`level`).
    training = data.Pictures(args.data, lambda s: s % 20 != 7)
    held_out = data.Pictures(args.data, lambda s: s % 20 == 7)
    # Channels last: a third less time on a CPU.
    model = network.Detector().to(memory_format=torch.channels_last)
    average = network.Detector()
    average.load_state_dict(model.state_dict())
    optimiser = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=0.02)
    checkpoint = pathlib.Path(args.out).with_suffix(".checkpoint")
    spent_s, step = 0.0, 0
    if args.first and not checkpoint.exists():
        begin_with(model, args.first, training)
        average.load_state_dict(model.state_dict())
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        spent_s, step = state["spent_s"], state["step"]
    print(f"{len(training)} pictures to train on, {len(held_out)} held out, {sum(p.numel() for p in model.parameters())} weights", flush=True)
    total_s, saved_s, told, told_step = args.minutes * 60, spent_s, time.monotonic(), step
    part = torch.multiprocessing.Value("d", spent_s / total_s)
    batches = Batches(training, args.batch, (args.seed, step), part)
    batches = iter(torch.utils.data.DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=4))
    sums = np.zeros(3)
    while spent_s < total_s:
        begun = time.process_time()
        part.value = spent_s / total_s
        warm = min(1.0, (step + 1) / 200)
        for group in optimiser.param_groups:
            group["lr"] = args.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * part.value)))
        pictures, targets = next(batches)
        model.train()
        # Sixteen bits for the convolutions, where the CPU has them, until the very end.
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bfloat16 and part.value < 0.95):
            outputs = model(pictures)
        value, classes, iou = loss(outputs.float(), targets)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimiser.step()
        step += 1
        follow(average, model, min(0.999, 1 - 1 / (step / 10 + 1)))
        sums += (float(value.detach()), classes, iou)
        spent_s += time.process_time() - begun
        if time.monotonic() - told > 30:
            mean = sums / max(1, step - told_step)
            print(f"{spent_s / 60:5.1f} min, step {step}: loss {mean[0]:.3f}, classes {mean[1]:.3f}, overlap {mean[2]:.3f}", flush=True)
            told, told_step = time.monotonic(), step
            sums[:] = 0
        if spent_s - saved_s > 240 or spent_s >= total_s:
            saved_s = spent_s
            state = {"model": model.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict(), "spent_s": spent_s, "step": step}
            torch.save(state, checkpoint)
            average.eval()
            per_class = measure.ap50(average, held_out, limit=300)
            print("      held out, AP50: " + ", ".join(f"{name} {value:.3f}" for name, value in per_class.items()), flush=True)
            if spent_s >= total_s:
                measure.settle(average, held_out)
            export(average, args.out)
    pictures, _ = training.batch(training.draw(np.random.default_rng(args.seed), CALIBRATION))
    np.save(pathlib.Path(args.out).with_suffix(".pictures.npy"), pictures.numpy())


def begin_with(model, path, pictures):
    """Takes an exported file's weights over, of one in eight bits as well. There the norms are folded into the convolutions;
    here each gets the mean and deviation that its convolution has on some pictures, and with them changes nothing."""
    exported = exported_layers(path)
    if not exported.keys() & dict(model.named_modules()).keys():
        raise SystemExit(f"train: {path} has no layer of this network: begin with a file that this script has exported")
    norms = {a: b for one in model.modules() if isinstance(one, torch.nn.Sequential) for a, b in zip(one, list(one)[1:]) if isinstance(b, torch.nn.BatchNorm2d)}
    sums = {}

    def count(layer, _, output):
        flat = output.transpose(0, 1).flatten(1)
        old = sums.get(layer, 0)
        sums[layer] = old + torch.stack([flat.mean(1), flat.square().mean(1)])

    hooks = []
    model.eval()
    with torch.no_grad():
        for name, layer in model.named_modules():
            if not isinstance(layer, torch.nn.Conv2d):
                continue
            # A layer that the exported network did not have begins with nothing; one that has grown keeps what it had.
            weight, bias = exported.get(name, (None, None))
            if weight is None:
                norms.pop(layer, None)
                continue
            outputs, inputs = weight.shape[:2]
            layer.weight[:outputs] = 0.0
            layer.weight[:outputs, :inputs] = weight
            norm = norms.get(layer)
            if norm is None:
                layer.bias.copy_(bias)
                continue
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)
            norm.bias[:outputs] = bias
            hooks.append(layer.register_forward_hook(count))
        rng, batches = np.random.default_rng(0), 6
        for _ in range(batches):
            model(pictures.batch(pictures.draw(rng, 24))[0])
        [hook.remove() for hook in hooks]
        for layer, norm in norms.items():
            mean, square = sums[layer] / batches
            variance = square - mean.square()
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.add_(mean)


def exported_layers(path):
    """Weight and bias of each convolution of an exported file, by the layer's name here. The file calls `to8.1.inner.0` a
    node `/to8/to8.1/inner/inner.0/Conv`."""
    from onnx import load, numpy_helper

    graph = load(path).graph
    values = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and all(name in values for name in node.input):
            whole, scale = (values[name] for name in node.input[:2])
            values[node.output[0]] = whole * scale.reshape(-1, *[1] * (whole.ndim - 1))  # no zero point: symmetric
    layers = {}
    for node in graph.node:
        if node.op_type == "Conv":
            parts = node.name.split("/")[1:-1]
            name = ".".join(a for a, b in zip(parts, parts[1:] + [""]) if not b.startswith(a + "."))
            layers[name] = [torch.from_numpy(np.array(values[one], np.float32)) for one in node.input[1:3]]
    return layers


def follow(average, model, keep):
    """Moves the average towards the model."""
    with torch.no_grad():
        for mine, new in zip(average.state_dict().values(), model.state_dict().values()):
            if mine.dtype.is_floating_point:
                mine.mul_(keep).add_(new, alpha=1 - keep)
            else:
                mine.copy_(new)


if __name__ == "__main__":
    main()
