// WGS-84 and GCJ-02, the shifted coordinates of maps published in China: the approximate transform that is publicly known
// (wgtochina_lb, 2010; as in https://github.com/googollee/eviltransform), the same as in the hub's own code. Outside of the
// rectangle around China both are the same. It shifts by 50 to 700 m and is good to a metre or two.
const AXIS_M = 6_378_245;
const ECCENTRICITY_2 = 0.006_693_421_622_965_943;
/** West, south, east and north of where the shift is. */
const SHIFTED = [72.004, 0.8293, 137.8347, 55.8271] as const;
/** Each round divides what is wrong by a thousand; the first is off by a few metres. */
const ROUNDS = 4;

export type Position = [longitude: number, latitude: number];

function waves(along: number): number {
  return 20 * Math.sin(6 * along * Math.PI) + 20 * Math.sin(2 * along * Math.PI);
}

function isShifted([longitude, latitude]: Position): boolean {
  const [west, south, east, north] = SHIFTED;
  return longitude >= west && longitude <= east && latitude >= south && latitude <= north;
}

/** By how much GCJ-02 differs there, degrees. */
function shift([longitude, latitude]: Position): Position {
  const [x, y] = [longitude - 105, latitude - 35];
  const root = 0.2 * Math.sqrt(Math.abs(x));
  const northM = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + root
    + (2 / 3) * (waves(x) + 20 * Math.sin(y * Math.PI) + 40 * Math.sin((y / 3) * Math.PI) + 160 * Math.sin((y / 12) * Math.PI) + 320 * Math.sin((y / 30) * Math.PI));
  const eastM = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.5 * root
    + (2 / 3) * (waves(x) + 20 * Math.sin(x * Math.PI) + 40 * Math.sin((x / 3) * Math.PI) + 150 * Math.sin((x / 12) * Math.PI) + 300 * Math.sin((x / 30) * Math.PI));
  const radians = (latitude / 180) * Math.PI;
  const magic = 1 - ECCENTRICITY_2 * Math.sin(radians) ** 2;
  return [
    (eastM * 180) / ((AXIS_M / Math.sqrt(magic)) * Math.cos(radians) * Math.PI),
    (northM * 180) / (((AXIS_M * (1 - ECCENTRICITY_2)) / magic ** 1.5) * Math.PI),
  ];
}

export function toGcj02(place: Position): Position {
  if (!isShifted(place)) return place;
  const [east, north] = shift(place);
  return [place[0] + east, place[1] + north];
}

/** The way back is not given as a formula: it is approached. */
export function fromGcj02(place: Position): Position {
  if (!isShifted(place)) return place;
  let found = place;
  for (let round = 0; round < ROUNDS; round += 1) {
    const [east, north] = shift(found);
    found = [place[0] - east, place[1] - north];
  }
  return found;
}
