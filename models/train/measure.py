"""Average precision at an overlap of 0.5, all points, per class, of a network over pictures: measure.py --data DIR...
--model FILE.checkpoint tells it of what was held out."""

import argparse
import math

import numpy as np
import torch

import data
import network


def suppress(boxes, scores, overlap_max=0.5):
    """Greedy non-maximum suppression; indices, best first."""
    order, kept = scores.argsort(descending=True).tolist(), []
    for i in order:
        if all(iou(boxes[i], boxes[k]) <= overlap_max for k in kept):
            kept.append(i)
    return kept


def iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = float(width * height)
    return both / (float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])) - both)


def counts(boxes):
    """Which of [n, 6] boxes count where the model is judged."""
    return data.wanted(boxes, data.COUNTS_VISIBLE_MIN, data.COUNTS_HEIGHT_MIN_PX)


def found(outputs, score_min):
    """Of one picture's cells: (class, score, box) as the gateway has them, best first; a cell is of its best class."""
    import train

    scores, classes = torch.sigmoid(outputs[:, 4:]).max(1)
    at = torch.nonzero(scores >= score_min).flatten()
    at = at[scores[at].argsort(descending=True)][:300]
    boxes = train.to_boxes(outputs[at, :4], at)
    every = []
    for c in classes[at].unique().tolist():
        mine = torch.nonzero(classes[at] == c).flatten()
        kept = suppress(boxes[mine].tolist(), scores[at[mine]])
        every += [(c, float(scores[at[mine[k]]]), boxes[mine[k]].tolist()) for k in kept]
    return sorted(every, key=lambda one: -one[1])


def judged(model, pictures, limit=None, score_min=0.05):
    """({class: [(score, right)]}, {class: objects}), as `tests/bench model` judges: the surest box takes first and prefers
    objects that count; on one that does not, or on none while too small itself, it is passed over."""
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.permutation(len(pictures))[:limit]) if limit else np.arange(len(pictures))
    hits = {c: [] for c in range(len(network.CLASSES))}
    there = dict.fromkeys(hits, 0)
    for start in range(0, len(chosen), 32):
        inputs, truth = pictures.batch(chosen[start : start + 32])
        with torch.no_grad():
            outputs = model(inputs)
        for cells, labels in zip(outputs, truth):
            ask = counts(labels).tolist()
            labels = labels.tolist()
            for label, asked in zip(labels, ask):
                there[int(label[0])] += int(asked)
            free = set(range(len(labels)))
            for c, score, box in found(cells, score_min):
                fits = [(ask[j], iou(box, labels[j][1:5]), j) for j in free if labels[j][0] == c]
                best = max((f for f in fits if f[1] >= 0.5), default=None)
                if best:
                    free.discard(best[2])
                    if best[0]:
                        hits[c].append((score, 1))
                elif box[3] - box[1] >= data.COUNTS_HEIGHT_MIN_PX[c]:
                    hits[c].append((score, 0))
    return hits, there


def ap50(model, pictures, limit=None):
    """{class: AP}."""
    hits, there = judged(model, pictures, limit)
    return {network.CLASSES[c]: area(hits[c], there[c]) for c in hits if there[c]}


def area(found, there):
    """Under the curve of precision over recall, precision made monotonic."""
    if not found or not there:
        return 0.0
    right = np.array([hit for _, hit in sorted(found, key=lambda f: -f[0])])
    true = right.cumsum()
    precision = true / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((precision * right).sum() / there)


def level(hits, there):
    """The score from which on a class's boxes have the best F1; none with too few objects to tell."""
    if there < 50 or not hits:
        return None
    scores, right = map(np.array, zip(*sorted(hits, reverse=True)))
    f1 = 2 * right.cumsum() / (np.arange(1, len(right) + 1) + there)
    return float(scores[f1.argmax()])


def settle(model, pictures, wanted=0.45, limit=None):
    """Shifts each class's logits so that its best F1 is reached at the score from which the tracker takes a box for sure
    (0.4) and begins a track (0.5), by one at most; precision over recall is the same before and after."""
    hits, there = judged(model, pictures, limit)
    for c, name in enumerate(network.CLASSES):
        best = level(hits[c], there[c])
        if best is None:
            continue
        shift = max(-1.0, min(1.0, math.log(wanted / (1 - wanted)) - math.log(best / (1 - best))))
        print(f"{name}: best F1 at {best:.2f}, logits shifted by {shift:+.2f}", flush=True)
        with torch.no_grad():
            for head in model.heads:
                head.bias[4 + c] += shift


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--model", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = network.Detector()
    model.load_state_dict(torch.load(args.model)["average"])
    model.eval()
    pictures = data.Pictures(args.data, lambda s: s % 20 == 7)
    hits, there = judged(model, pictures)
    print(f"{len(pictures)} pictures")
    for c, name in enumerate(network.CLASSES):
        print(f"{name}: AP50 {area(hits[c], there[c]):.3f}, {there[c]} objects, best F1 at {level(hits[c], there[c])}")


if __name__ == "__main__":
    main()
