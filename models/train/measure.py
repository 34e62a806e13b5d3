"""Average precision at an overlap of 0.5, all points, per class, of a network over pictures."""

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


def ap50(model, pictures, limit=None, score_min=0.05):
    """{class: AP}; objects that are hardly visible or tiny are don't-care."""
    import train

    rng = np.random.default_rng(0)
    chosen = np.sort(rng.permutation(len(pictures))[:limit]) if limit else np.arange(len(pictures))
    hits = {c: [] for c in range(len(network.CLASSES))}
    there = {c: 0 for c in hits}
    for start in range(0, len(chosen), 32):
        inputs, truth = pictures.batch(chosen[start : start + 32])
        with torch.no_grad():
            outputs = model(inputs)
        boxes, scores = train.to_boxes(outputs[..., :4]), torch.sigmoid(outputs[..., 4:])
        for i, labels in enumerate(truth):
            want = data.wanted(labels)
            for c in hits:
                mine = labels[(labels[:, 0] == c)]
                ask = want[labels[:, 0] == c]
                there[c] += int(ask.sum())
                at = torch.nonzero(scores[i, :, c] >= score_min).flatten()
                at = at[scores[i, at, c].argsort(descending=True)][:200]
                kept = [int(at[k]) for k in suppress(boxes[i, at].tolist(), scores[i, at, c])]
                taken = set()
                for k in kept:
                    box = boxes[i, k].tolist()
                    best = max(((iou(box, m[1:5].tolist()), j) for j, m in enumerate(mine) if j not in taken), default=(0, -1))
                    if best[0] >= 0.5:
                        taken.add(best[1])
                        if ask[best[1]]:
                            hits[c].append((float(scores[i, k, c]), 1))
                    elif not any(iou(box, o[1:5].tolist()) >= 0.5 for o in labels[~want]):
                        hits[c].append((float(scores[i, k, c]), 0))
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
