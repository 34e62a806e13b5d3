// Asks the hub for the newest picture of a camera. What comes back is shown and let go: nothing of it is kept.
import { ApiError, refusalOf } from '../api/client';

/** The hub gives up on a gateway before this. */
const TIMEOUT_MS = 20_000;

export interface Still {
  /** For an `img`; whoever shows it revokes it. */
  url: string;
  captured: string;
  /** How old it was when it left its gateway. */
  ageMs: number;
  /** When it arrived, by this computer's steady clock. */
  arrivedMs: number;
  masked: boolean;
}

export async function askStill(camera: string, wish: { reason: string; incident?: string }): Promise<Still> {
  const slash = camera.indexOf('/');
  const path = `/api/v1/cameras/${encodeURIComponent(camera.slice(0, slash))}/${encodeURIComponent(camera.slice(slash + 1))}/still`;
  let response: Response;
  let blob: Blob;
  try {
    response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-yiwang': '1' },
      body: JSON.stringify(wish),
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw await refusalOf(response);
    blob = await response.blob();
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0, 'unreachable', '', null);
  }
  const header = (name: string) => response.headers.get(name) ?? '';
  return {
    url: URL.createObjectURL(blob),
    captured: header('x-captured'),
    ageMs: Number(header('x-age-ms')) || 0,
    arrivedMs: performance.now(),
    masked: header('x-masked') === '1',
  };
}
