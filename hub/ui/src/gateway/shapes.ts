// Lines and polygons as they are drawn: pure. All points are fractions of the picture from its top left.
import type { Pair } from './api';

export const round = (value: number) => Math.round(value * 10_000) / 10_000;
export const within = ([x, y]: Pair): Pair => [round(Math.min(1, Math.max(0, x))), round(Math.min(1, Math.max(0, y)))];

/** The points with one moved, held inside the picture. */
export function moved(points: readonly Pair[], index: number, [dx, dy]: Pair): Pair[] {
  return points.map((point, i) => (i === index ? within([point[0] + dx, point[1] + dy]) : point));
}

/** All of them moved together, as far as the picture goes. */
export function shifted(points: readonly Pair[], [dx, dy]: Pair): Pair[] {
  const room = (axis: 0 | 1, by: number) => {
    const all = points.map((point) => point[axis]);
    return Math.min(1 - Math.max(...all), Math.max(-Math.min(...all), by));
  };
  const [x, y] = [room(0, dx), room(1, dy)];
  return points.map((point) => [round(point[0] + x), round(point[1] + y)]);
}

/** One more corner, in the middle of the side that begins at `index`. */
export function split(points: readonly Pair[], index: number): Pair[] {
  const next = points[(index + 1) % points.length] as Pair;
  const from = points[index] as Pair;
  return [...points.slice(0, index + 1), within([(from[0] + next[0]) / 2, (from[1] + next[1]) / 2]), ...points.slice(index + 1)];
}

export const without = (points: readonly Pair[], index: number) => points.filter((_, i) => i !== index);

/** What is wrong with a polygon, if anything: the gateway says the same of it. */
export function fault(points: readonly Pair[]): 'few' | 'crosses' | 'flat' | null {
  if (points.length < 3) return 'few';
  if (Math.abs(area(points)) < 1e-5) return 'flat';
  const sides = points.map((point, i) => [point, points[(i + 1) % points.length] as Pair] as const);
  for (let i = 0; i < sides.length; i += 1) {
    for (let j = i + 2; j < sides.length; j += 1) {
      const neighbours = i === 0 && j === sides.length - 1;
      if (!neighbours && meet(sides[i] as [Pair, Pair], sides[j] as [Pair, Pair])) return 'crosses';
    }
  }
  return null;
}

export function area(points: readonly Pair[]): number {
  return points.reduce((sum, [x, y], i) => {
    const [nx, ny] = points[(i + 1) % points.length] as Pair;
    return sum + (x * ny - nx * y) / 2;
  }, 0);
}

export function middle(points: readonly Pair[]): Pair {
  const sum = points.reduce(([sx, sy], [x, y]) => [sx + x, sy + y] as Pair, [0, 0] as Pair);
  return [round(sum[0] / points.length), round(sum[1] / points.length)];
}

function meet([a, b]: readonly [Pair, Pair], [c, d]: readonly [Pair, Pair]): boolean {
  const side = (p: Pair, q: Pair, r: Pair) => Math.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]));
  return side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b);
}

/** East and north of `from`, metres: good for a few kilometres. */
export function metres(from: Pair, [longitude, latitude]: Pair): Pair {
  const degree = 111_320;
  return [(longitude - from[0]) * degree * Math.cos((from[1] * Math.PI) / 180), (latitude - from[1]) * degree];
}
