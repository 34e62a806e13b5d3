// How the base map is drawn: calm, so that what cameras tell stays foremost. Layers and kinds are those of Protomaps' basemap,
// which the simulated city has too, and those of OpenMapTiles beside them. No borders are drawn: a site that needs them
// brings its approved map as pictures, which are shown as they are.
import type { ExpressionSpecification, FilterSpecification, LayerSpecification } from 'maplibre-gl';
import { FONT } from './font';
import type { Palette } from './palette';

const SOURCE = 'basemap';
/** What every layer of the base map is called first: the map's own layers never are. */
export const PREFIX = 'base-';
/** Pictures keep their colours, and step back by this. */
const PICTURE_OPACITY = { dark: 0.55, light: 0.8 } as const;

/** Protomaps says `kind`, OpenMapTiles `class`. */
const KIND: ExpressionSpecification = ['coalesce', ['get', 'kind'], ['get', 'class'], ''];
const GREEN = ['grass', 'park', 'garden', 'forest', 'wood', 'meadow', 'scrub', 'grassland', 'recreation_ground', 'cemetery', 'golf_course', 'nature_reserve', 'orchard', 'allotments', 'village_green', 'farmland', 'zoo', 'protected_area'];
const SPORT = ['pitch', 'playground', 'stadium', 'track'];
const PAVED = ['pedestrian', 'plaza', 'platform', 'parking', 'pier', 'square'];
const SITE = ['construction', 'brownfield', 'quarry'];
const BIG = ['highway', 'motorway', 'trunk'];
const MAIN = ['major_road', 'primary', 'secondary', 'tertiary'];
const SMALL = ['minor_road', 'minor', 'service', 'residential', 'unclassified'];
const WALK = ['path', 'track', 'footway', 'cycleway', 'pedestrian'];
const RAIL = ['rail', 'transit'];

const isLine: FilterSpecification = ['==', ['geometry-type'], 'LineString'];
const isArea: FilterSpecification = ['==', ['geometry-type'], 'Polygon'];

/** In drawing order; only what the file has, because the map's library reports a layer that is missing as an error. */
export function basemapLayers(has: ReadonlySet<string> | null, colours: Palette, theme: 'dark' | 'light', language: 'zh' | 'en'): LayerSpecification[] {
  if (has === null) return [{ id: `${PREFIX}pictures`, type: 'raster', source: SOURCE, paint: { 'raster-opacity': PICTURE_OPACITY[theme], 'raster-fade-duration': 0 } }];
  const layers = [...ground(colours), ...roads(colours), ...houses(colours), ...labels(colours, language)];
  // An old file may not say what it has.
  return has.size === 0 ? layers : layers.filter((layer) => 'source-layer' in layer && has.has(layer['source-layer'] ?? ''));
}

function ground(colours: Palette): LayerSpecification[] {
  const tint: ExpressionSpecification = [
    'match', KIND, GREEN, colours['--map-green'], SPORT, colours['--map-sport'], PAVED, colours['--map-paved'], SITE, colours['--map-site'], 'transparent',
  ];
  return [
    fill('earth', 'earth', colours['--map-earth']),
    fill('landcover', 'landcover', tint),
    fill('landuse', 'landuse', tint),
    {
      id: `${PREFIX}site`, type: 'line', source: SOURCE, 'source-layer': 'landuse', filter: ['in', KIND, ['literal', SITE]], minzoom: 14,
      paint: { 'line-color': colours['--map-site-edge'], 'line-width': 1.5, 'line-dasharray': [3, 2] },
    },
    { ...fill('water', 'water', colours['--map-water']), filter: isArea },
  ];
}

function roads(colours: Palette): LayerSpecification[] {
  const areas: ExpressionSpecification = [
    'match', KIND, 'path', colours['--map-paved'], 'cycleway', colours['--map-cycle'], 'marking', colours['--map-mark'], colours['--map-road'],
  ];
  return ['roads', 'transportation'].flatMap((layer) => [
    line(layer, 'walk', WALK, colours['--map-paved'], [14, 0.8, 18, 5]),
    line(layer, 'rail', RAIL, colours['--map-mark'], [12, 0.6, 18, 3]),
    line(layer, 'small', SMALL, colours['--map-road'], [13, 0.8, 18, 12]),
    line(layer, 'main', MAIN, colours['--map-road'], [9, 0.6, 13, 2, 18, 22]),
    line(layer, 'big', BIG, colours['--map-road'], [6, 0.6, 13, 3, 18, 28]),
    { ...fill(`${layer}-area`, layer, areas), filter: isArea },
  ]);
}

function houses(colours: Palette): LayerSpecification[] {
  const names = ['buildings', 'building'];
  return [
    ...names.map((layer) => ({ ...fill(layer, layer, colours['--map-building']), minzoom: 13 })),
    ...names.map((layer): LayerSpecification => ({
      id: `${PREFIX}${layer}-edge`, type: 'line', source: SOURCE, 'source-layer': layer, minzoom: 15,
      paint: { 'line-color': colours['--map-building-edge'], 'line-width': 1 },
    })),
    {
      id: `${PREFIX}trees`, type: 'circle', source: SOURCE, 'source-layer': 'trees', minzoom: 16,
      paint: { 'circle-color': colours['--map-tree'], 'circle-opacity': 0.8, 'circle-radius': ['interpolate', ['exponential', 2], ['zoom'], 16, 1.2, 20, 19] },
    },
  ];
}

function labels(colours: Palette, language: 'zh' | 'en'): LayerSpecification[] {
  const own = language === 'zh' ? ['name:zh', 'name:zh-Hans', 'name'] : ['name:en', 'name_en', 'name:latin', 'name'];
  const name: ExpressionSpecification = ['coalesce', ...own.map((key): ExpressionSpecification => ['get', key])] as ExpressionSpecification;
  const along = (layer: string, colour: string): LayerSpecification => ({
    id: `${PREFIX}${layer}-name`, type: 'symbol', source: SOURCE, 'source-layer': layer, minzoom: 14, filter: isLine,
    layout: { 'text-field': name, 'text-font': FONT, 'text-size': ['interpolate', ['linear'], ['zoom'], 14, 11, 18, 13], 'symbol-placement': 'line', 'symbol-spacing': 320, 'text-letter-spacing': 0.06 },
    paint: { 'text-color': colour, 'text-halo-color': colours['--map-halo'], 'text-halo-width': 1.5 },
  });
  const places = (layer: string): LayerSpecification => ({
    id: `${PREFIX}${layer}-name`, type: 'symbol', source: SOURCE, 'source-layer': layer, minzoom: layer === 'pois' ? 16 : 4,
    layout: { 'text-field': name, 'text-font': FONT, 'text-size': 12, 'text-max-width': 8, 'text-padding': 8 },
    paint: { 'text-color': colours['--map-label'], 'text-halo-color': colours['--map-halo'], 'text-halo-width': 1.5 },
  });
  return [
    along('water', colours['--map-water-label']), along('water_name', colours['--map-water-label']), along('roads', colours['--map-label']),
    along('transportation_name', colours['--map-label']), places('places'), places('place'),
  ];
}

function fill(id: string, layer: string, colour: string | ExpressionSpecification): Extract<LayerSpecification, { type: 'fill' }> {
  // Neighbours of one colour show no seam without smoothing; with it their edges shine through.
  return { id: PREFIX + id, type: 'fill', source: SOURCE, 'source-layer': layer, paint: { 'fill-color': colour, 'fill-antialias': false } };
}

function line(layer: string, id: string, kinds: string[], colour: string, widths: number[]): LayerSpecification {
  return {
    id: `${PREFIX}${layer}-${id}`, type: 'line', source: SOURCE, 'source-layer': layer, filter: ['all', isLine, ['in', KIND, ['literal', kinds]]] as FilterSpecification,
    layout: { 'line-cap': 'round', 'line-join': 'round' },
    paint: { 'line-color': colour, 'line-width': ['interpolate', ['exponential', 1.6], ['zoom'], ...widths] as ExpressionSpecification },
  };
}
