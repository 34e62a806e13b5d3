"""The network: a small one-stage detector (FCOS, Tian et al. 2019, arXiv:1904.01355) on two planes, luma and the change
against the background. Dense 3x3 convolutions throughout: on a CPU they run several times faster per operation than the
depthwise ones that tiny networks are usually made of (figures in models/README.md)."""

import torch
from torch import nn

CLASSES = ["person", "two_wheeler", "car", "large_vehicle", "bag"]
STRIDES_PX = (4, 8, 16, 32)
SIZE_PX = (384, 224)  # width, height; 16:9 pictures fill 384x216 of it


def conv(inputs, outputs, size=3, stride=1, padding=None):
    """Convolution, batch norm, ReLU. At export the norm is folded into the convolution."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2 if padding is None else padding, bias=False),
        nn.BatchNorm2d(outputs, momentum=0.03, eps=1e-3),
        nn.ReLU(inplace=True),
    )


class Block(nn.Module):
    """Residual bottleneck: 3x3 to half the channels, 3x3 back."""

    def __init__(self, channels, narrow):
        super().__init__()
        self.inner = nn.Sequential(conv(channels, narrow), conv(narrow, channels))

    def forward(self, x):
        return x + self.inner(x)


class Detector(nn.Module):
    """Outputs [batch, cells, 4 + classes]: left, top, right, bottom in strides, then class logits (or, with
    `probabilities`, their sigmoid: what the exported file gives)."""

    def __init__(self, classes=len(CLASSES), width=(16, 32, 64, 96), head=32, fine=16):
        super().__init__()
        c4, c8, c16, c32 = width
        self.probabilities = False
        self.stem = conv(2, c4, 4, 4, padding=0)
        # What is a few pixels high, bags and people far away, is lost in the stem, whose one layer has to throw half of
        # what it sees away: the finest level sees the picture through two layers of its own. A runtime that computes sixteen
        # channels at a time takes no longer for sixteen than for eight.
        self.fine = nn.Sequential(conv(2, fine, 3, 2), conv(fine, fine, 3, 2))
        self.to8 = nn.Sequential(conv(c4, c8, 3, 2), Block(c8, c8 // 2))
        self.to16 = nn.Sequential(conv(c8, c16, 3, 2), Block(c16, c16 // 2), Block(c16, c16 // 2))
        self.to32 = nn.Sequential(conv(c16, c32, 3, 2), Block(c32, c32 // 2), Block(c32, c32 // 2))
        self.lateral = nn.ModuleList([conv(c8, head, 1), conv(c16, head, 1), conv(c32, head, 1)])
        self.smooth = nn.ModuleList([conv(head, head), conv(head, head), conv(head, head)])
        self.narrow = conv(head, fine, 1)
        self.finest = conv(fine, fine)
        self.refine = conv(fine, fine)
        self.heads = nn.ModuleList([nn.Conv2d(inputs, 4 + classes, 1) for inputs in (fine, head, head, head)])
        for layer in self.heads:
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.constant_(layer.bias, 0.0)
            nn.init.constant_(layer.bias[4:], -4.6)

    def forward(self, x):
        p4 = self.stem(x)
        p8 = self.to8(p4)
        p16 = self.to16(p8)
        p32 = self.to32(p16)
        l8, l16, l32 = (layer(p) for layer, p in zip(self.lateral, (p8, p16, p32)))
        up = lambda y: nn.functional.interpolate(y, scale_factor=2.0, mode="nearest")
        f32 = self.smooth[2](l32)
        f16 = self.smooth[1](l16 + up(f32))
        f8 = self.smooth[0](l8 + up(f16))
        f4 = self.finest(self.fine(x) + p4 + up(self.narrow(f8)))
        f4 = f4 + self.refine(f4)
        # Parted and joined while each value of all cells lies in one piece: a tenth of a millisecond less than by cell.
        out = torch.cat([layer(f).flatten(2) for layer, f in zip(self.heads, (f4, f8, f16, f32))], 2)
        distances, scores = out[:, :4], out[:, 4:]
        distances = torch.exp(distances.clamp(max=4.0))
        if self.probabilities:
            scores = torch.sigmoid(scores)
        return torch.cat([distances, scores], 1).transpose(1, 2)
