// The signs as images of the map, drawn in this page from `lib/signs`: nothing is fetched.
import type { Map as MapLibre } from 'maplibre-gl';
import type { CameraState, Severity } from '../api/types';
import { severitySign, stateSign } from '../lib/signs';
import type { Palette } from './palette';

/** Drawn at twice the size, so that they stay sharp on dense screens. */
const PIXEL_RATIO = 2;
const STATES: CameraState[] = ['ok', 'starting', 'down', 'no_contact'];
const SEVERITIES: Severity[] = ['low', 'medium', 'high', 'urgent'];
/** Half the length of a field of view's wedge, CSS pixels. */
const WEDGE_PX = 46;

export function stateColour(state: CameraState, colours: Palette): string {
  if (state === 'no_contact') return colours['--no-contact'];
  return colours[`--${state}`];
}

/** Puts all signs into the map, or replaces them after a change of theme. */
export async function drawIcons(map: MapLibre, colours: Palette): Promise<void> {
  const halo = (colour: string) => `<circle cx="12" cy="12" r="11.6" fill="${colour}"/>`;
  const drawings: [string, string, number][] = [
    ...STATES.map((state): [string, string, number] => {
      const back = state === 'down' ? `<rect x="1" y="1" width="22" height="22" rx="4" fill="${colours['--panel']}"/>` : halo(colours['--panel']);
      return [`state-${state}`, back + stateSign(state, stateColour(state, colours), colours['--panel']), 26];
    }),
    ...SEVERITIES.map((severity): [string, string, number] => [
      `severity-${severity}`, halo(colours['--panel']) + severitySign(severity, colours[`--${severity}`], colours['--panel']), 18,
    ]),
  ];
  await Promise.all(drawings.map(([name, body, sizePx]) => put(map, name, `viewBox="0 0 24 24"`, body, sizePx)));
}

/** The name of the image of a field of view, rounded so that a thousand cameras share few images. */
export function wedgeName(fieldOfViewDeg: number): string {
  return `wedge-${Math.min(180, Math.max(10, Math.round(fieldOfViewDeg / 10) * 10))}`;
}

export async function drawWedge(map: MapLibre, name: string, colours: Palette): Promise<void> {
  const half = (Number(name.slice('wedge-'.length)) / 2) * (Math.PI / 180);
  const x = Math.sin(half) * WEDGE_PX;
  const y = -Math.cos(half) * WEDGE_PX;
  const body = `<path d="M0 0 ${-x} ${y}A${WEDGE_PX} ${WEDGE_PX} 0 0 1 ${x} ${y}Z" fill="${colours['--accent']}" fill-opacity=".18" stroke="${colours['--accent']}" stroke-opacity=".55"/>`;
  await put(map, name, `viewBox="${-WEDGE_PX} ${-WEDGE_PX} ${2 * WEDGE_PX} ${2 * WEDGE_PX}"`, body, 2 * WEDGE_PX);
}

async function put(map: MapLibre, name: string, viewBox: string, body: string, sizePx: number): Promise<void> {
  const px = sizePx * PIXEL_RATIO;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${px}" height="${px}" ${viewBox}>${body}</svg>`;
  const image = new Image(px, px);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  if (map.hasImage(name)) map.updateImage(name, image);
  else map.addImage(name, image, { pixelRatio: PIXEL_RATIO });
}
