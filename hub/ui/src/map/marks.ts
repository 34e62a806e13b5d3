// What changes with each event, drawn on a canvas of its own above the map: signs of incidents and of events that go on, the
// ring of what is selected, lines to the cameras that saw it. As layers of the map each change of theirs would be the whole
// map drawn anew, ten thousand cameras and all; here the map is drawn only when it moves or a camera changes.
// `laid` decides without a screen what is drawn where; `MarkCanvas` draws it.
import type { Severity } from '../api/types';
import { severityRank } from '../lib/fold';
import { severitySign } from '../lib/signs';
import type { Position } from '../lib/gcj02';
import type { Palette } from './palette';

/** Signs drawn at once; above it the less severe are left out, which lie under others by then. */
const SIGNS_MAX = 1500;
const LABELS_MAX = 150;
/** Signs nearer to each other than this cover each other: the most severe is drawn. */
const CELL_PX = 7;
const SIGN_PX = { incident: 24, open: 18 } as const;
/** A sign of events stands beside its camera, so that the camera's own state stays seen. */
const BESIDE_PX = 16;
const LABEL_PX = { height: 15, letter: 7.5, above: 20 } as const;
const RING_PX = 19;
/** How near a pointer must come, half of a target of 24 px and a little. */
const HIT_PX = 14;
const EDGE_PX = 40;
/** Somebody has it already: it steps back. */
const CALM_OPACITY = 0.75;
const LINE_PX = 2;

export interface Sign {
  /** Of an incident, or of a camera with events that go on. */
  kind: 'incident' | 'open';
  id: string;
  severity: Severity;
  position: Position;
  /** The number that is written beside an incident. */
  number: number | null;
  waits: boolean;
}

export interface Marks {
  signs: readonly Sign[];
  rings: readonly { id: string; position: Position }[];
  lines: readonly (readonly [Position, Position])[];
  stale: boolean;
}

export interface At {
  x: number;
  y: number;
}

export interface DrawnSign extends At {
  sign: Sign;
  label: string | null;
}

export const NO_MARKS: Marks = { signs: [], rings: [], lines: [], stale: false };

/** Which signs are drawn where, the most severe last; what lies outside or under another is left out. */
export function laid(signs: readonly Sign[], project: (position: Position) => At, width: number, height: number): DrawnSign[] {
  const weight = (sign: Sign) => severityRank(sign.severity) * 4 + (sign.waits ? 2 : 0) + (sign.kind === 'incident' ? 1 : 0);
  const cells = new Set<number>();
  const boxes: { left: number; right: number; y: number }[] = [];
  const drawn: DrawnSign[] = [];
  const seen = signs.map((sign) => ({ sign, at: project(sign.position) }))
    .filter(({ at }) => at.x > -EDGE_PX && at.y > -EDGE_PX && at.x < width + EDGE_PX && at.y < height + EDGE_PX)
    .sort((a, b) => weight(b.sign) - weight(a.sign) || (b.sign.number ?? 0) - (a.sign.number ?? 0));
  for (const { sign, at } of seen) {
    if (drawn.length >= SIGNS_MAX) break;
    const beside = sign.kind === 'open' ? BESIDE_PX : 0;
    const [x, y] = [at.x + beside, at.y - beside];
    const cell = Math.floor((x + EDGE_PX) / CELL_PX) * 100_000 + Math.floor((y + EDGE_PX) / CELL_PX);
    if (cells.has(cell)) continue;
    cells.add(cell);
    drawn.push({ sign, x, y, label: labelOf(sign, x, y, boxes) });
  }
  return drawn.reverse();
}

/** Its number, where no other number is written there. */
function labelOf(sign: Sign, x: number, y: number, boxes: { left: number; right: number; y: number }[]): string | null {
  if (sign.number === null || boxes.length >= LABELS_MAX) return null;
  const text = `#${sign.number}`;
  const half = (text.length * LABEL_PX.letter) / 2;
  const box = { left: x - half, right: x + half, y: y - LABEL_PX.above };
  if (boxes.some((other) => box.left < other.right && box.right > other.left && Math.abs(box.y - other.y) < LABEL_PX.height)) return null;
  boxes.push(box);
  return text;
}

/** The sign under a pointer: of those that are near the nearest, and of equals the one on top. */
export function hit(drawn: readonly DrawnSign[], at: At): Sign | null {
  let nearest: { sign: Sign; distance: number } | null = null;
  for (const { sign, x, y } of drawn) {
    const distance = Math.hypot(x - at.x, y - at.y);
    if (sign.kind === 'incident' && distance <= HIT_PX && distance <= (nearest?.distance ?? Infinity)) nearest = { sign, distance };
  }
  return nearest?.sign ?? null;
}

/** A canvas over the map that takes no pointer. */
export class MarkCanvas {
  readonly #canvas = document.createElement('canvas');
  #images = new Map<string, HTMLCanvasElement>();
  #drawn: DrawnSign[] = [];

  constructor(private readonly container: HTMLElement) {
    Object.assign(this.#canvas.style, { position: 'absolute', inset: '0', width: '100%', height: '100%', pointerEvents: 'none' });
    this.#canvas.setAttribute('aria-hidden', 'true');
    container.append(this.#canvas);
  }

  /** What is on the screen now. */
  get drawn(): readonly DrawnSign[] {
    return this.#drawn;
  }

  /** Makes the signs in the theme's colours. */
  async colour(colours: Palette): Promise<void> {
    const made = (['low', 'medium', 'high', 'urgent'] as const).flatMap((severity) => Object.values(SIGN_PX).map(async (px) =>
      [`${severity} ${px}`, await image(`<circle cx="12" cy="12" r="11.6" fill="${colours['--panel']}"/>${severitySign(severity, colours[`--${severity}`], colours['--panel'])}`, px)] as const));
    this.#images = new Map(await Promise.all(made));
  }

  draw(marks: Marks, project: (position: Position) => At, colours: Palette, staleOpacity: number): void {
    const { clientWidth: width, clientHeight: height } = this.container;
    const context = contextOf(this.#canvas, width, height);
    if (!context) return;
    this.#drawn = laid(marks.signs, project, width, height);
    this.#lines(context, marks, project, colours);
    const shown = marks.stale ? staleOpacity : 1;
    for (const { sign, x, y } of this.#drawn) {
      const px = SIGN_PX[sign.kind];
      const picture = this.#images.get(`${sign.severity} ${px}`);
      context.globalAlpha = shown * (sign.waits ? 1 : CALM_OPACITY);
      if (picture) context.drawImage(picture, x - px / 2, y - px / 2, px, px);
    }
    context.globalAlpha = shown;
    context.font = `600 12px ${getComputedStyle(this.container).fontFamily}`;
    context.textAlign = 'center';
    context.lineJoin = 'round';
    context.lineWidth = 4;
    context.strokeStyle = colours['--bg'];
    context.fillStyle = colours['--text'];
    for (const { label, x, y } of this.#drawn) {
      if (!label) continue;
      context.strokeText(label, x, y - LABEL_PX.above);
      context.fillText(label, x, y - LABEL_PX.above);
    }
  }

  remove(): void {
    this.#canvas.remove();
  }

  #lines(context: CanvasRenderingContext2D, { lines, rings }: Marks, project: (position: Position) => At, colours: Palette): void {
    context.strokeStyle = colours['--accent'];
    context.lineWidth = LINE_PX;
    context.setLineDash([4, 4]);
    context.beginPath();
    for (const [from, to] of lines) {
      const [a, b] = [project(from), project(to)];
      context.moveTo(a.x, a.y);
      context.lineTo(b.x, b.y);
    }
    context.stroke();
    context.setLineDash([]);
    context.lineWidth = LINE_PX + 1;
    for (const { position } of rings) {
      const { x, y } = project(position);
      context.beginPath();
      context.arc(x, y, RING_PX, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}

/** The canvas at the size of what it covers, empty. */
export function contextOf(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const ratio = devicePixelRatio;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext('2d');
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}

/** Drawn once: a picture out of SVG would be made anew each time that it is drawn. */
async function image(body: string, px: number): Promise<HTMLCanvasElement> {
  const size = px * Math.max(2, devicePixelRatio);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 24 24">${body}</svg>`;
  const picture = new Image(size, size);
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await picture.decode();
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  canvas.getContext('2d')?.drawImage(picture, 0, 0, size, size);
  return canvas;
}
