// The base map: a PMTiles file on the hub, read by ranges and handed to the map's library tile by tile. Nothing is asked of
// anybody else. What is stored is WGS-84; where the file is drawn in GCJ-02, `Datum` says where such a map has a place.
import { addProtocol, type SourceSpecification } from 'maplibre-gl';
import { PMTiles, TileType } from 'pmtiles';
import type { BasemapAt } from '../api/types';
import { fromGcj02, toGcj02, type Position } from '../lib/gcj02';

/** Between what is stored and where it is drawn. */
export interface Datum {
  toMap(place: Position): Position;
  fromMap(place: Position): Position;
}

const SAME: Datum = { toMap: (place) => place, fromMap: (place) => place };
const SHIFTED: Datum = { toMap: toGcj02, fromMap: fromGcj02 };

export function datumOf(basemap: BasemapAt | null): Datum {
  return basemap?.coordinates === 'gcj02' ? SHIFTED : SAME;
}

export interface Basemap {
  source: SourceSpecification;
  /** Names of the vector tiles' layers; null where tiles are pictures. */
  layers: ReadonlySet<string> | null;
  /** Who made the map, as plain text. */
  attribution: string;
}

/** One reader a file, for all maps of the page: it keeps the directories that it has read. */
const files = new Map<string, PMTiles>();

addProtocol('basemap', async ({ url }, { signal }) => {
  const [, file = '', z, x, y] = /^basemap:\/\/(.+)\/(\d+)\/(\d+)\/(\d+)$/.exec(url) ?? [];
  const tile = await reader(file).getZxy(Number(z), Number(x), Number(y), signal);
  // Where the map has nothing there is nothing to draw.
  return { data: tile?.data ?? new ArrayBuffer(0) };
});

function reader(url: string): PMTiles {
  const known = files.get(url) ?? new PMTiles(url);
  files.set(url, known);
  return known;
}

/** Looks into the file. Throws where it cannot be had. */
export async function openBasemap({ url }: BasemapAt): Promise<Basemap> {
  const file = reader(new URL(url, location.href).href);
  const [header, metadata] = await Promise.all([file.getHeader(), file.getMetadata()]).catch((error: unknown) => {
    files.delete(file.source.getKey());
    throw error;
  });
  const { attribution, vector_layers: layers } = (metadata ?? {}) as { attribution?: unknown; vector_layers?: { id: string }[] };
  const tiles = {
    tiles: [`basemap://${file.source.getKey()}/{z}/{x}/{y}`], minzoom: header.minZoom, maxzoom: header.maxZoom,
    bounds: [header.minLon, header.minLat, header.maxLon, header.maxLat] as [number, number, number, number],
  };
  const drawn = header.tileType === TileType.Mvt;
  return {
    source: drawn ? { type: 'vector', ...tiles } : { type: 'raster', tileSize: 256, ...tiles },
    layers: drawn ? new Set((layers ?? []).map(({ id }) => id)) : null,
    attribution: typeof attribution === 'string' ? plain(attribution) : '',
  };
}

/** Attributions are written as HTML for other pages; here they are text. */
function plain(html: string): string {
  return (new DOMParser().parseFromString(html, 'text/html').body.textContent ?? '').trim();
}
