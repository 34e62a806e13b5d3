// Asks the hub for the clip around an event: one archive with the clip and its manifest, which is what is downloaded too.
// What comes back is shown and let go.
import { ApiError, refusalOf } from '../api/client';
import { untar } from './tar';

/** The hub gives up on a gateway before this. */
const TIMEOUT_MS = 150_000;

export interface Manifest {
  clip: { sha256: string; from: string; to: string; pictures: number; begins_late: boolean };
  event: { clip_sha256: string | null; same_clip: boolean | null } | null;
}

export interface Clip {
  manifest: Manifest;
  /** For a `video`, and for a link that downloads all of it; whoever shows them revokes both. */
  url: string;
  archiveUrl: string;
  archiveName: string;
}

export async function askClip(camera: string, wish: { event: string; reason: string; incident?: string }): Promise<Clip> {
  const slash = camera.indexOf('/');
  const path = `/api/v1/cameras/${encodeURIComponent(camera.slice(0, slash))}/${encodeURIComponent(camera.slice(slash + 1))}/clip`;
  let archive: Uint8Array<ArrayBuffer>;
  let name: string;
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-yiwang': '1' },
      body: JSON.stringify(wish),
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw await refusalOf(response);
    name = /filename="([\w.-]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? 'clip.tar';
    archive = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0, 'unreachable', '', null);
  }
  const files = untar(archive);
  const [manifest, video] = [files.get('manifest.json'), files.get('clip.mp4')];
  if (!manifest || !video) throw new ApiError(0, 'answer_broken', '', null);
  return {
    manifest: JSON.parse(new TextDecoder().decode(manifest)) as Manifest,
    url: URL.createObjectURL(new Blob([video], { type: 'video/mp4' })),
    archiveUrl: URL.createObjectURL(new Blob([archive], { type: 'application/x-tar' })),
    archiveName: name,
  };
}

export function letGo(clip: Clip): void {
  URL.revokeObjectURL(clip.url);
  URL.revokeObjectURL(clip.archiveUrl);
}
