// The theme's colours as the map needs them: canvas and WebGL know no CSS variables.
const NAMES = [
  '--bg', '--panel', '--raised', '--line', '--line-strong', '--text', '--muted', '--accent', '--ok', '--down',
  '--no-contact', '--starting', '--low', '--medium', '--high', '--urgent',
  '--map-earth', '--map-green', '--map-sport', '--map-paved', '--map-site', '--map-site-edge', '--map-water', '--map-water-label', '--map-road', '--map-cycle',
  '--map-mark', '--map-building', '--map-building-edge', '--map-tree', '--map-label', '--map-halo',
] as const;

export type Palette = Record<(typeof NAMES)[number], string>;

export function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(name).trim()])) as Palette;
}
