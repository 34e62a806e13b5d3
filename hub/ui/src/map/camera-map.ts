// The map itself: takes cameras, open events and pulses, gives back which camera was chosen. Knows nothing of Svelte.
import { LngLatBounds, Map as MapLibre, ScaleControl, setWorkerUrl, type GeoJSONSource, type LayerSpecification } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import 'maplibre-gl/dist/maplibre-gl.css';
import type { Feature, FeatureCollection } from 'geojson';
import type { Incident } from '../api/incident-types';
import type { BasemapAt, Camera, Severity } from '../api/types';
import type { Position } from '../lib/gcj02';
import type { Pulse } from '../state/queue.svelte';
import { datumOf, openBasemap, type Basemap, type Datum } from './basemap';
import { PREFIX, basemapLayers } from './basemap-style';
import { graticule } from './graticule';
import { drawIcons, drawWedge, wedgeName } from './icons';
import { Pace } from './pace';
import { palette, type Palette } from './palette';
import { PULSE_MS, RingCanvas, rings } from './pulses';
import { incidentFeatures, sightLines } from './incidents';
import { NEAR_ZOOM, cameraSize, layers, mapStyle } from './style';

setWorkerUrl(workerUrl);

/** What was said before the line was lost is drawn fainter. */
const STALE_OPACITY = 0.5;
/** Plain ground tells less the nearer one looks; streets tell more. */
const FIT_ZOOM_MAX = { ground: 16, streets: 18 } as const;
const FIT_PADDING_PX = 70;
/** From so many cameras on they are drawn small from afar, without names and views, which cover each other there anyway. */
const MANY = 800;
/** Rings need no more pictures a second. */
const PULSE_FRAME_MS = 100;
/** Where more cameras pulse at once than this the rings stand still: nobody follows them, and drawing costs what the list needs. */
const PULSES_MOVING_MAX = 12;
/** Rings that stand still only have to go in time. */
const CALM_FRAME_MS = 1000;

export interface MapState {
  cameras: readonly Camera[];
  open: ReadonlyMap<string, { severity: Severity }>;
  /** Open incidents with a place. */
  incidents: readonly Incident[];
  /** The cameras that saw the selected incident. */
  seenBy: readonly string[];
  selected: string | null;
  stale: boolean;
}

/** What the map is told once, and whom it tells. */
export interface MapOptions {
  basemap: BasemapAt | null;
  language(): 'zh' | 'en';
  /** Without motion. */
  calm(): boolean;
  oncamera(id: string): void;
  onincident(id: string): void;
  /** Who made the base map; null where it could not be had. */
  onbasemap(attribution: string | null): void;
  /** Whether what is new is shown later than usual, because drawing takes long here. */
  onlate(late: boolean): void;
}

export class CameraMap {
  readonly map: MapLibre;
  /** Where the map has a place. */
  readonly datum: Datum;
  #colours: Palette = palette();
  #state: MapState = { cameras: [], open: new Map(), incidents: [], seenBy: [], selected: null, stale: false };
  #basemap: Basemap | null = null;
  /** Where the map has each camera. */
  #placed = new Map<string, Position>();
  #fitted = '';
  #movedByHand = false;
  #pulses: Pulse[] = [];
  readonly #rings: RingCanvas;
  #frame = 0;
  #ready = false;
  #wait = 0;
  #drawn: MapState | null = null;
  readonly #pace = new Pace();
  #late = false;
  #many = false;
  /** What each source was last given: the same again is not laid out again. */
  readonly #given = new Map<string, string>();

  constructor(container: HTMLElement, private readonly options: MapOptions) {
    this.datum = datumOf(options.basemap);
    this.map = new MapLibre({
      container, style: mapStyle(this.#colours), center: [104, 35], zoom: 3, attributionControl: false, dragRotate: false,
      pitchWithRotate: false, touchPitch: false, fadeDuration: 0, minZoom: 1,
    });
    this.#rings = new RingCanvas(container);
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.addControl(new ScaleControl({ maxWidth: 120 }), 'bottom-right');
    this.map.on('load', () => void this.#loaded());
    this.map.on('moveend', () => this.#drawGraticule());
    this.map.on('move', () => this.#frame !== 0 && this.#drawRings());
    this.map.on('resize', () => this.#drawGraticule());
    this.map.on('movestart', (event) => {
      if (!event.originalEvent) return;
      this.#movedByHand = true;
      // Under a hand the picture follows, if coarsely; it is sharp again when the hand rests.
      if (this.#pace.slow) this.map.setPixelRatio(devicePixelRatio / 2);
    });
    this.map.on('moveend', () => this.map.getPixelRatio() !== devicePixelRatio && this.map.setPixelRatio(devicePixelRatio));
    this.map.on('render', () => this.#pace.handed());
    this.map.setMissingStyleImageResolver(async (id) => {
      if (id.startsWith('wedge-')) await drawWedge(this.map, id, this.#colours);
    });
    this.map.on('click', 'cameras', (event) => {
      const id: unknown = event.features?.[0]?.properties['id'];
      // An incident may lie over its camera: it is drawn above, so it is what was meant.
      if (typeof id === 'string' && this.map.queryRenderedFeatures(event.point, { layers: ['incidents'] }).length === 0) options.oncamera(id);
    });
    this.map.on('click', 'incidents', (event) => {
      const id: unknown = event.features?.[0]?.properties['id'];
      if (typeof id === 'string') options.onincident(id);
    });
    this.map.on('mouseenter', 'cameras', () => (this.map.getCanvas().style.cursor = 'pointer'));
    this.map.on('mouseleave', 'cameras', () => (this.map.getCanvas().style.cursor = ''));
  }

  destroy(): void {
    clearTimeout(this.#frame);
    clearTimeout(this.#wait);
    this.#ready = false;
    this.#rings.remove();
    this.map.remove();
  }

  /** Shows this state: a new choice at once, everything else twice a second at most, and less often where drawing takes long. */
  show(state: MapState): void {
    const chosen = state.selected !== this.#state.selected || state.stale !== this.#state.stale;
    this.#state = state;
    if (!this.#ready) return;
    if (!chosen && this.#wait !== 0) return;
    clearTimeout(this.#wait);
    this.#draw(state);
    if (this.#late !== this.#pace.late) this.options.onlate((this.#late = this.#pace.late));
    this.#wait = window.setTimeout(() => {
      this.#wait = 0;
      if (this.#drawn !== this.#state) this.show(this.#state);
    }, this.#pace.waitMs);
  }

  /** Follows a change of theme or of language. */
  async recolour(): Promise<void> {
    this.#colours = palette();
    if (!this.#ready) return;
    await drawIcons(this.map, this.#colours);
    for (const image of this.map.listImages()) {
      if (image.startsWith('wedge-')) await drawWedge(this.map, image, this.#colours);
    }
    for (const layer of [...layers(this.#colours), ...this.#ground()]) {
      for (const [name, value] of Object.entries(layer.paint ?? {})) {
        this.map.setPaintProperty(layer.id, name as Parameters<MapLibre['setPaintProperty']>[1], value);
      }
      if (layer.id.startsWith(PREFIX) && layer.type === 'symbol') this.map.setLayoutProperty(layer.id, 'text-field', layer.layout?.['text-field']);
    }
  }

  pulse(pulses: readonly Pulse[]): void {
    this.#pulses = pulses.filter((pulse) => performance.now() - pulse.atMs < PULSE_MS);
    if (this.#ready && this.#pulses.length > 0 && this.#frame === 0) this.#animate();
  }

  fit(animate = true): void {
    if (this.#placed.size === 0) return;
    const bounds = new LngLatBounds();
    for (const position of this.#placed.values()) bounds.extend(position);
    this.#movedByHand = false;
    this.map.fitBounds(bounds, { padding: FIT_PADDING_PX, maxZoom: FIT_ZOOM_MAX[this.options.basemap ? 'streets' : 'ground'], animate: animate && !this.options.calm() });
  }

  /** What each camera sees on the ground; an empty list takes it away. */
  footprints(rings: readonly (readonly [number, number][])[]): void {
    this.#source('footprints')?.setData({
      type: 'FeatureCollection',
      features: rings.map((ring) => ({ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [[...ring, ...ring.slice(0, 1)].map(([longitude, latitude]) => this.datum.toMap([longitude, latitude]))] } })),
    });
  }

  zoom(step: number): void {
    this.#movedByHand = true;
    this.map.zoomTo(this.map.getZoom() + step, { animate: !this.options.calm() });
  }

  /** Brings a camera into view where it is not. */
  reveal(id: string): void {
    const position = this.#placed.get(id);
    if (position && !this.map.getBounds().contains(position)) this.map.easeTo({ center: position, animate: !this.options.calm() });
  }

  revealAt(place: Position): void {
    const position = this.datum.toMap(place);
    if (!this.map.getBounds().contains(position)) this.map.easeTo({ center: position, animate: !this.options.calm() });
  }

  async #loaded(): Promise<void> {
    await drawIcons(this.map, this.#colours);
    this.#ready = true;
    this.#drawGraticule();
    this.show(this.#state);
    await this.#lay();
  }

  /** Puts the base map under everything else. Cameras are shown before it is there, and without it. */
  async #lay(): Promise<void> {
    const { basemap, onbasemap } = this.options;
    if (!basemap) return;
    try {
      this.#basemap = await openBasemap(basemap);
    } catch {
      return onbasemap(null);
    }
    if (!this.#ready) return;
    this.map.addSource('basemap', this.#basemap.source);
    for (const layer of this.#ground()) this.map.addLayer(layer, 'graticule');
    // Where there are streets nobody looks for degrees.
    for (const layer of ['graticule', 'graticule-bottom', 'graticule-left']) this.map.setLayoutProperty(layer, 'visibility', 'none');
    onbasemap(this.#basemap.attribution);
  }

  #ground(): LayerSpecification[] {
    const theme = document.documentElement.dataset['theme'] === 'light' ? 'light' : 'dark';
    return this.#basemap ? basemapLayers(this.#basemap.layers, this.#colours, theme, this.options.language()) : [];
  }

  #draw(state: MapState): void {
    const old = this.#drawn;
    this.#drawn = state;
    const moved = old === null || !sameLook(old.cameras, state.cameras);
    // Ten thousand cameras are laid out anew only where one of them looks different; what changes with each event, with
    // each choice and with the line to the hub has sources of its own, of a few cameras each.
    if (moved) {
      this.#placed = new Map(state.cameras.flatMap((camera) => (camera.position ? [[camera.id, this.datum.toMap(camera.position)]] : [])));
      this.#thin(this.#placed.size > MANY);
      this.#source('cameras')?.setData({ type: 'FeatureCollection', features: state.cameras.flatMap((camera) => feature(camera, this.#placed.get(camera.id)) ?? []) });
    }
    if (moved || old.open !== state.open) this.#give('open', this.#points([...state.open.keys()], (id) => ({ id, severity: state.open.get(id)?.severity })));
    if (moved || old.selected !== state.selected || old.seenBy !== state.seenBy) {
      this.#give('selected', this.#points([...new Set([...(state.selected ? [state.selected] : []), ...state.seenBy])], (id) => ({ id })));
    }
    if (old?.stale !== state.stale) this.map.setPaintProperty('cameras', 'icon-opacity', state.stale ? STALE_OPACITY : 1);
    if (old?.incidents !== state.incidents) this.#give('incidents', incidentFeatures(state.incidents, this.datum));
    if (moved || old.seenBy !== state.seenBy) this.#give('sight', sightLines(state, this.#placed, this.datum));
    if (moved) this.#fitOnce();
  }

  #points(ids: readonly string[], properties: (id: string) => Record<string, unknown>): FeatureCollection {
    return {
      type: 'FeatureCollection',
      features: ids.flatMap((id) => {
        const position = this.#placed.get(id);
        return position ? [{ type: 'Feature' as const, properties: properties(id), geometry: { type: 'Point' as const, coordinates: position } }] : [];
      }),
    };
  }

  /** Lays out a source of few features anew, where it says something else than before. */
  #give(id: string, data: FeatureCollection): void {
    const text = JSON.stringify(data);
    if (this.#given.get(id) === text) return;
    this.#given.set(id, text);
    this.#source(id)?.setData(data);
  }

  #thin(many: boolean): void {
    if (many === this.#many) return;
    this.#many = many;
    for (const layer of ['fields', 'names']) this.map.setLayerZoomRange(layer, many ? NEAR_ZOOM : 0, 24);
    this.map.setLayoutProperty('cameras', 'icon-size', cameraSize(many));
  }

  #source(id: string): GeoJSONSource | undefined {
    return this.map.getSource<GeoJSONSource>(id);
  }

  #drawGraticule(): void {
    if (this.#ready && !this.#basemap) this.#source('graticule')?.setData(graticule(this.map.getBounds(), this.datum));
  }

  /** Fits when cameras appear or go, as long as nobody has moved the map. */
  #fitOnce(): void {
    const places = [...this.#placed].map(([id, position]) => `${id} ${position}`).sort().join('|');
    if (places === this.#fitted || this.#movedByHand) return;
    this.#fitted = places;
    this.fit(false);
  }

  #animate(): void {
    this.#frame = this.#drawRings() ? window.setTimeout(() => this.#animate(), this.#still() ? CALM_FRAME_MS : PULSE_FRAME_MS) : 0;
  }

  #still(): boolean {
    return this.options.calm() || this.#pace.slow || this.#pulses.length > PULSES_MOVING_MAX;
  }

  /** True while there is something to draw next. */
  #drawRings(): boolean {
    const found = rings(this.#pulses, this.#placed, performance.now(), this.#still());
    this.#rings.draw(found.rings, (position) => this.map.project(position), this.#colours);
    return found.running;
  }
}

function feature(camera: Camera, position: Position | undefined): Feature | null {
  if (!position) return null;
  const properties: Record<string, unknown> = { id: camera.id, name: camera.name, state: camera.state };
  if (camera.heading_deg !== null && camera.field_of_view_deg !== null) {
    properties['wedge'] = wedgeName(camera.field_of_view_deg);
    properties['heading'] = camera.heading_deg;
  }
  return { type: 'Feature', properties, geometry: { type: 'Point', coordinates: position } };
}

/** Whether the map draws both alike: each poll brings new objects, which mostly say the same. */
function sameLook(a: readonly Camera[], b: readonly Camera[]): boolean {
  return a === b || (a.length === b.length && a.every((one, i) => {
    const other = b[i];
    return other !== undefined && one.id === other.id && one.state === other.state && one.name === other.name && one.heading_deg === other.heading_deg
      && one.field_of_view_deg === other.field_of_view_deg && one.position?.[0] === other.position?.[0] && one.position?.[1] === other.position?.[1];
  }));
}
