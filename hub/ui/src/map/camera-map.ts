// The map itself: takes cameras, open events and pulses, gives back which camera was chosen. What changes with each event is
// drawn above it (`marks`, `pulses`), so that the map itself is drawn only when it moves or a camera changes. Knows nothing
// of Svelte.
import {
  LngLatBounds, Map as MapLibre, ScaleControl, setWorkerUrl, type GeoJSONFeatureDiff, type GeoJSONSource, type LayerSpecification, type PointLike,
} from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import 'maplibre-gl/dist/maplibre-gl.css';
import type { Feature } from 'geojson';
import type { BasemapAt, Camera, CameraState } from '../api/types';
import type { Position } from '../lib/gcj02';
import type { Pulse } from '../state/queue.svelte';
import { datumOf, openBasemap, type Basemap, type Datum } from './basemap';
import { PREFIX, basemapLayers } from './basemap-style';
import { graticule } from './graticule';
import { drawIcons, drawWedge, wedgeName } from './icons';
import { Pace } from './pace';
import { palette, type Palette } from './palette';
import { PULSE_MS, RingCanvas, rings } from './pulses';
import { marksOf, type Marked } from './incidents';
import { MarkCanvas, NO_MARKS, hit, type DrawnSign, type Marks } from './marks';
import { CROWD, NEAR_ZOOM, cameraSize, isDot, isSign, layers, mapStyle } from './style';

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

/** Between two drawings of the marks that nobody asked for. */
const MARKS_MS = 200;
/** So many changes at once are all cameras laid out anew. */
const DIFF_MAX = 500;

/** What is shown: cameras, and what is marked: open incidents with a place, and the cameras that saw the selected one. */
export interface MapState extends Marked {
  cameras: readonly Camera[];
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
  readonly #signs: MarkCanvas;
  #marks: Marks = NO_MARKS;
  #marksWait = 0;
  /** What is marked, in words, as it was drawn last. */
  #marked = '';
  /** States that are drawn as dots from afar. */
  #crowded: CameraState[] = [];
  #frame = 0;
  #ready = false;
  #wait = 0;
  /** The cameras that the map has, and whether they are drawn faint. */
  #laid: readonly Camera[] | null = null;
  #faded = false;
  readonly #pace = new Pace();
  #late = false;
  #many = false;

  constructor(container: HTMLElement, private readonly options: MapOptions) {
    this.datum = datumOf(options.basemap);
    this.map = new MapLibre({
      container, style: mapStyle(this.#colours), center: [104, 35], zoom: 3, attributionControl: false, dragRotate: false,
      pitchWithRotate: false, touchPitch: false, fadeDuration: 0, minZoom: 1,
    });
    this.#signs = new MarkCanvas(container);
    this.#rings = new RingCanvas(container);
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.addControl(new ScaleControl({ maxWidth: 120 }), 'bottom-right');
    this.map.on('load', () => void this.#loaded());
    this.map.on('moveend', () => this.#drawGraticule());
    this.map.on('move', () => this.#moved());
    this.map.on('resize', () => {
      this.#drawGraticule();
      this.#moved();
    });
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
    this.map.on('click', (event) => {
      // An incident may lie over its camera: it is drawn above, so it is what was meant.
      const sign = hit(this.#signs.drawn, event.point);
      if (sign) return options.onincident(sign.id);
      const id: unknown = this.#cameraAt(event.point)?.properties['id'];
      if (typeof id === 'string') options.oncamera(id);
    });
    this.map.on('mousemove', (event) => {
      const over = hit(this.#signs.drawn, event.point) !== null || this.#cameraAt(event.point) !== undefined;
      this.map.getCanvas().style.cursor = over ? 'pointer' : '';
    });
  }

  destroy(): void {
    clearTimeout(this.#frame);
    clearTimeout(this.#wait);
    clearTimeout(this.#marksWait);
    this.#ready = false;
    this.#rings.remove();
    this.#signs.remove();
    this.map.remove();
  }

  /** The signs that are on the screen, for tests. */
  get drawn(): readonly DrawnSign[] {
    return this.#signs.drawn;
  }

  /** The cameras with a ring, for tests. */
  get ringed(): string[] {
    return this.#marks.rings.map(({ id }) => id);
  }

  /** Shows this state: a new choice at once, other marks a few times a second, cameras twice a second at most and less often where the map takes long. */
  show(state: MapState): void {
    const chosen = state.selected !== this.#state.selected || state.seenBy !== this.#state.seenBy || state.stale !== this.#state.stale;
    this.#state = state;
    if (!this.#ready) return;
    if (this.#wait === 0 && this.#laid !== state.cameras) this.#lay(state.cameras);
    this.#tellLate(this.#laid !== state.cameras && this.#pace.late);
    if (this.#faded !== state.stale) this.#fade(state.stale);
    if (chosen) this.#mark();
    else if (this.#marksWait === 0) this.#marksWait = window.setTimeout(() => this.#mark(), MARKS_MS);
  }

  /** Follows a change of theme or of language. */
  async recolour(): Promise<void> {
    this.#colours = palette();
    if (!this.#ready) return;
    await Promise.all([drawIcons(this.map, this.#colours), this.#signs.colour(this.#colours)]);
    this.#moved();
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
    await Promise.all([drawIcons(this.map, this.#colours), this.#signs.colour(this.#colours)]);
    this.#ready = true;
    this.#drawGraticule();
    this.show(this.#state);
    await this.#layGround();
  }

  /** Puts the base map under everything else. Cameras are shown before it is there, and without it. */
  async #layGround(): Promise<void> {
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

  /** Lays out the cameras where one of them looks different, and then waits as long as that asks for. */
  #lay(cameras: readonly Camera[]): void {
    const changed = this.#laid === null ? null : changedLooks(this.#laid, cameras);
    this.#laid = cameras;
    if (changed?.length === 0) return;
    this.#pace.drawn();
    this.#placed = new Map(cameras.flatMap((camera) => (camera.position ? [[camera.id, this.datum.toMap(camera.position)]] : [])));
    this.#thin(cameras);
    this.#marked = '';
    if (changed === null || changed.length > DIFF_MAX) {
      void this.#source('cameras')?.setData({ type: 'FeatureCollection', features: cameras.flatMap((camera) => feature(camera, this.#placed.get(camera.id)) ?? []) });
      if (!this.#movedByHand) this.#fitOnce();
    } else {
      void this.#source('cameras')?.updateData({ update: changed.flatMap((camera) => diffOf(camera) ?? []) });
    }
    this.#rest();
  }

  /** Until the map may draw by itself again. */
  #rest(): void {
    const fromMs = performance.now();
    const look = () => {
      const leftMs = this.#pace.waitMs - (performance.now() - fromMs);
      // The pictures of this drawing were counted while it was waited: they may ask for more.
      if (leftMs > 1) return void (this.#wait = window.setTimeout(look, leftMs));
      this.#wait = 0;
      if (this.#laid !== this.#state.cameras) this.show(this.#state);
    };
    this.#wait = window.setTimeout(look, this.#pace.waitMs);
  }

  /** Only where something waits to be drawn is the map behind: a still picture of a still city is not late. */
  #tellLate(late: boolean): void {
    if (late !== this.#late) this.options.onlate((this.#late = late));
  }

  #fade(stale: boolean): void {
    this.#faded = stale;
    const opacity = stale ? STALE_OPACITY : 1;
    this.map.setPaintProperty('cameras', 'icon-opacity', opacity);
    for (const name of ['circle-opacity', 'circle-stroke-opacity'] as const) this.map.setPaintProperty('camera-dots', name, opacity);
  }

  /** Draws the marks as they are now. */
  #mark(): void {
    clearTimeout(this.#marksWait);
    this.#marksWait = 0;
    this.#marks = marksOf(this.#state, this.#placed, this.datum);
    // Most events change no sign: the same again is not drawn again.
    const { signs, rings, lines, stale } = this.#marks;
    const marked = `${signs.map(({ id, severity, waits }) => `${id} ${severity} ${waits}`).join()}|${rings.map(({ id }) => id).join()}|${lines.join()}|${stale}`;
    if (marked === this.#marked) return;
    this.#marked = marked;
    this.#drawMarks();
  }

  #drawMarks(): void {
    this.#signs.draw(this.#marks, (position) => this.map.project(position), this.#colours, STALE_OPACITY);
  }

  #moved(): void {
    if (!this.#ready) return;
    this.#drawMarks();
    if (this.#frame !== 0) this.#drawRings();
  }

  #cameraAt(point: PointLike) {
    return this.#ready ? this.map.queryRenderedFeatures(point, { layers: ['cameras', 'camera-dots'] })[0] : undefined;
  }

  /** Where cameras are many: names and views only from near, and dots for each state that a crowd of them is in. */
  #thin(cameras: readonly Camera[]): void {
    const many = this.#placed.size > MANY;
    const counts = new Map<CameraState, number>();
    for (const { state } of cameras) counts.set(state, (counts.get(state) ?? 0) + 1);
    const crowded = many ? [...counts].filter(([, count]) => count > CROWD).map(([state]) => state).sort() : [];
    if (crowded.join() !== this.#crowded.join()) {
      this.#crowded = crowded;
      this.map.setFilter('camera-dots', isDot(crowded));
      this.map.setFilter('cameras', isSign(crowded));
    }
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
    if (places === this.#fitted) return;
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

function propertiesOf(camera: Camera): Record<string, unknown> {
  const properties: Record<string, unknown> = { id: camera.id, name: camera.name, state: camera.state };
  if (camera.heading_deg !== null && camera.field_of_view_deg !== null) {
    properties['wedge'] = wedgeName(camera.field_of_view_deg);
    properties['heading'] = camera.heading_deg;
  }
  return properties;
}

function feature(camera: Camera, position: Position | undefined): Feature | null {
  return position ? { type: 'Feature', properties: propertiesOf(camera), geometry: { type: 'Point', coordinates: position } } : null;
}

function diffOf(camera: Camera): GeoJSONFeatureDiff | null {
  if (!camera.position) return null;
  return { id: camera.id, removeAllProperties: true, addOrUpdateProperties: Object.entries(propertiesOf(camera)).map(([key, value]) => ({ key, value })) };
}

/** Which of the cameras the map draws otherwise than before: each poll brings new objects, which mostly say the same. Null where one came, went or moved. */
function changedLooks(old: readonly Camera[], now: readonly Camera[]): Camera[] | null {
  if (old === now) return [];
  if (old.length !== now.length) return null;
  const changed: Camera[] = [];
  for (const [i, one] of now.entries()) {
    const other = old[i];
    if (other === one) continue;
    if (other?.id !== one.id || other.position?.[0] !== one.position?.[0] || other.position?.[1] !== one.position?.[1]) return null;
    if (other.state !== one.state || other.name !== one.name || other.heading_deg !== one.heading_deg || other.field_of_view_deg !== one.field_of_view_deg) changed.push(one);
  }
  return changed;
}
