"""Pictures as `yiwang-city dataset` writes them, and what is done to them so that the network learns shapes and movement
and not one renderer's looks.

A folder holds `about.json` ({"size_px": [w, h], "classes": [...]}), `pictures.u8` (per picture two planes of bytes, row
by row: luma, 0-255, and the change against the background, 128 + half of it) and `labels.jsonl` (a line a picture:
{"sequence": n, "boxes": [[class, x0, y0, x1, y1, visible], ...]}, pixels of the input)."""

import json
import pathlib

import numpy as np
import torch

# An object is asked for from this visibility and this height (pixels of the input; by class) on; less is ignored. A
# little below what counts where the model is judged, so that nothing that counts lies at the edge of what was learnt.
VISIBLE_MIN = 0.35
HEIGHT_MIN_PX = np.array([12.0, 12.0, 8.0, 10.0, 5.5], np.float32)
# What counts where the model is judged: `tests/bench model`, at six tenths of its pictures' size.
COUNTS_VISIBLE_MIN = 0.5
COUNTS_HEIGHT_MIN_PX = np.array([14.4, 14.4, 9.6, 12.0, 6.0], np.float32)
# Longer sides that part small, middle and large where pictures are drawn.
DRAWN_SIZES_PX = (32, 96)
# A box whose mean change is below this stands still: without its luma nobody could find it.
STILL = 0.03
# Levels of a picture that is dark and of what is bright in it; so many pixels of that are as large as an insect.
DARK, DAZZLES, DAZZLING_PX = 80, 130, 40
# Made once, used at random offsets: making it anew for each picture took a sixth of the training's time.
NOISE = torch.randn(2, 224 + 64, 384 + 64, generator=torch.Generator().manual_seed(7))


class Pictures:
    """Memory-mapped; `boxes[i]` is a float array [n, 6]."""

    def __init__(self, folders, sequences=None):
        self.parts, self.boxes, self.at = [], [], []
        for folder in map(pathlib.Path, folders):
            about = json.loads((folder / "about.json").read_text())
            width, height = about["size_px"]
            planes = np.memmap(folder / "pictures.u8", np.uint8, "r").reshape(-1, 2, height, width)
            part = len(self.parts)
            self.parts.append(planes)
            for index, line in enumerate((folder / "labels.jsonl").read_text().splitlines()):
                label = json.loads(line)
                if index < len(planes) and (sequences is None or sequences(label["sequence"])):
                    self.at.append((part, index))
                    self.boxes.append(np.array(label["boxes"], np.float32).reshape(-1, 6))

    def __len__(self):
        return len(self.at)

    def draw(self, rng, count):
        """Random indices: of five three with an object of a class and size drawn first, so that what is rare on a street,
        people close by too, is seen as often as what is common; of six one in which nobody is, for what is there when
        somebody has left, most of them with what the background still holds of him; of eight one with something that has
        come before the camera and is nothing: an insect, a light; the others any picture."""
        if not hasattr(self, "having"):
            self.having = {}
            for n, boxes in enumerate(self.boxes):
                asked = boxes[wanted(torch.from_numpy(boxes)).numpy()]
                bins = np.digitize((asked[:, 3:5] - asked[:, 1:3]).max(1, initial=0), DRAWN_SIZES_PX)
                for one in set(zip(asked[:, 0].astype(int).tolist(), bins.tolist())):
                    self.having.setdefault(one[0], {}).setdefault(one[1], []).append(n)
            self.empty = [n for n, boxes in enumerate(self.boxes) if len(boxes) == 0]
            self.haunted = [n for n in self.empty if self.is_haunted(n)]
            self.dazzled = [n for n in range(len(self)) if self.is_dazzled(n)]
        chosen = rng.integers(0, len(self), count)
        for n in range(count * 3 // 5):
            # People twice: they are what most rules are about.
            sizes = self.having[rng.choice([c for c in (0, 0, 1, 2, 3, 4) if c in self.having])]
            # Close by oftener: their feet decide in which zone they are, and the overlap forgives those much.
            size = max(sizes) if rng.random() < 0.3 else rng.choice(list(sizes))
            chosen[n] = rng.choice(sizes[size])
        if self.empty:
            chosen[count - count // 6 :] = rng.choice(self.empty, count // 6)
        if self.haunted:
            chosen[count - count // 8 :] = rng.choice(self.haunted, count // 8)
        if self.dazzled:
            chosen[: count // 8] = rng.choice(self.dazzled, count // 8)
        return chosen

    def is_dazzled(self, n):
        """Whether something bright in the dark, as large as a moth before the lens, lies in no box."""
        part, index = self.at[n]
        luma, change = self.parts[part][index]
        if np.median(luma[::4, ::4]) > DARK:
            return False
        bright = (luma > DAZZLES) & (change > 128 + 20)
        for _, x0, y0, x1, y1, _ in self.boxes[n]:
            bright[max(0, int(y0) - 2) : int(y1) + 3, max(0, int(x0) - 2) : int(x1) + 3] = False
        return bright.sum() >= DAZZLING_PX

    def is_haunted(self, n):
        """Whether a picture without anybody differs from its background in more than noise."""
        part, index = self.at[n]
        change = self.parts[part][index, 1].astype(np.int16) - 128
        return (np.abs(change) > 6).mean() > 0.003

    def batch(self, indices):
        """[n, 2, h, w] floats as the gateway gives them (luma 0-1, change -1 to 1), and the boxes."""
        raw = np.stack([self.parts[p][i] for p, i in (self.at[n] for n in indices)]).astype(np.float32)
        raw[:, 0] = np.clip((raw[:, 0] - 16.0) / 219.0, 0.0, 1.0)
        raw[:, 1] = (raw[:, 1] - 128.0) / 127.5
        return torch.from_numpy(raw), [torch.from_numpy(self.boxes[n].copy()) for n in indices]


def wanted(boxes, visible_min=VISIBLE_MIN, height_min_px=HEIGHT_MIN_PX):
    """Which of [n, 6] boxes are asked for; the others are ignored."""
    height = boxes[:, 4] - boxes[:, 2]
    return (boxes[:, 5] >= visible_min) & (height >= torch.from_numpy(height_min_px)[boxes[:, 0].long()])


def augment(pictures, boxes, rng):
    """In place; a box that can't be found any more gets visible = 0, so that it is ignored."""
    n, _, height, width = pictures.shape
    pictures, boxes = zoom(pictures, boxes, rng)
    flip = rng.random(n) < 0.5
    pictures[torch.from_numpy(flip)] = pictures[torch.from_numpy(flip)].flip(3)
    for b in np.flatnonzero(flip):
        boxes[b][:, [1, 3]] = width - boxes[b][:, [3, 1]]
    other = pictures[:, 0].roll(1, 0).clone()
    ghosts = pictures[:, 1].roll(1, 0).clone()
    for i in range(n):
        luma, change = pictures[i, 0], pictures[i, 1]
        kind = rng.random()
        if kind < 0.12:
            # Another place behind the movement: what stands still is gone with its own luma.
            mask = torch.nn.functional.avg_pool2d((change.abs() > 0.05).float()[None, None], 5, 1, 2)[0, 0]
            luma.copy_(mask * luma + (1 - mask) * other[i])
            forget_still(boxes[i], change)
        elif kind < 0.19:
            # No background known yet: the luma alone.
            change.zero_()
        elif kind < 0.45:
            # What the background still holds of somebody who stood elsewhere: a change with nothing there in the luma.
            change.add_(ghosts[i], alpha=float(rng.uniform(0.1, 0.6) * rng.choice([-1.0, -1.0, 1.0])))
        if rng.random() < 0.12:
            luma.copy_(1.0 - luma)
            change.neg_()
        gain, offset = np.exp(rng.normal(0, 0.25)), rng.normal(0, 0.08)
        luma.mul_(float(gain)).add_(float(offset))
        change.mul_(float(gain))
        if rng.random() < 0.3:
            x, y = rng.integers(0, 64), rng.integers(0, 64)
            luma.add_(NOISE[0, y : y + height, x : x + width], alpha=float(rng.uniform(0, 0.04)))
            change.add_(NOISE[1, y : y + height, x : x + width], alpha=float(rng.uniform(0, 0.04)))
        if rng.random() < 0.2:
            pictures[i] = torch.nn.functional.avg_pool2d(pictures[i][None], 3, 1, 1)[0]
        luma.clamp_(0, 1)
        change.clamp_(-1, 1)
    return pictures, boxes


def forget_still(boxes, change):
    for box in boxes:
        x0, y0, x1, y1 = (int(v) for v in box[1:5].clamp(min=0))
        inside = change[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
        if inside.numel() == 0 or inside.abs().mean() < STILL:
            box[5] = 0.0


def zoom(pictures, boxes, rng):
    """Half of the batches are scaled and shifted, one scale a batch (it is done in one call)."""
    if rng.random() >= 0.5:
        return pictures, boxes
    n, _, height, width = pictures.shape
    scale = float(np.exp(rng.uniform(np.log(0.75), np.log(3.6))))
    stretch = float(np.exp(rng.uniform(-0.12, 0.12)))
    sx, sy = scale * stretch, scale / stretch
    dx = torch.from_numpy(rng.uniform(-1, 1, n).astype(np.float32)) * abs(1 - 1 / sx)
    dy = torch.from_numpy(rng.uniform(-1, 1, n).astype(np.float32)) * abs(1 - 1 / sy)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 2] = 1 / sx, dx
    theta[:, 1, 1], theta[:, 1, 2] = 1 / sy, dy
    grid = torch.nn.functional.affine_grid(theta, list(pictures.shape), align_corners=False)
    shifted = torch.cat([pictures[:, :1] - 0.5, pictures[:, 1:]], 1)  # outside is the padding's grey
    pictures = torch.nn.functional.grid_sample(shifted, grid, padding_mode="zeros", align_corners=False)
    pictures[:, 0] += 0.5
    for i, box in enumerate(boxes):
        if len(box) == 0:
            continue
        area = (box[:, 3] - box[:, 1]) * (box[:, 4] - box[:, 2])
        box[:, [1, 3]] = ((box[:, [1, 3]] / width * 2 - 1 - dx[i]) * sx + 1) / 2 * width
        box[:, [2, 4]] = ((box[:, [2, 4]] / height * 2 - 1 - dy[i]) * sy + 1) / 2 * height
        box[:, [1, 3]] = box[:, [1, 3]].clamp(0, width)
        box[:, [2, 4]] = box[:, [2, 4]].clamp(0, height)
        left = (box[:, 3] - box[:, 1]) * (box[:, 4] - box[:, 2]) / (area * sx * sy).clamp(min=1e-3)
        box[:, 5] *= left.clamp(0, 1)
    return pictures, boxes
