// What measurements of the page share: the priority that they keep, and figures of many values.
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** The kernel counts the processor's time in hundredths of a second. */
const TICK_MS = 10;

/**
 * Gives everything that this process started its own priority. A browser sets its own: its page would stand behind whatever
 * else a shared machine does, however much the measurement itself goes before it.
 */
export function keepPriority() {
  const parents = new Map(readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    const parent = parentOf(pid);
    return parent === null ? [] : [[pid, parent]];
  }));
  for (const pid of parents.keys()) {
    let at = pid;
    while (at !== undefined && at !== String(process.pid)) at = parents.get(at);
    if (at !== undefined) for (const thread of threadsOf(pid)) setPriorityOf(Number(thread));
  }
}

/** Null where the process has just ended. */
function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in brackets and may hold any sign.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
  } catch {
    return null;
  }
}

function threadsOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function setPriorityOf(thread) {
  try {
    setPriority(thread, getPriority());
  } catch (error) {
    // It has just ended, or only root may raise it.
    if (!/ESRCH|EACCES|EPERM/.test(String(error))) throw error;
  }
}

/** What a process has had of the processor, ms. */
export function processorMs(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13).map(Number);
  return (user + system) * TICK_MS;
}

export function quantile(list, q) {
  return Number((list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))] ?? NaN).toFixed(1));
}

/** By least squares, of points of milliseconds and values; NaN of fewer than three. */
export function slopePerHour(points) {
  if (points.length < 3) return NaN;
  const mean = (at) => points.reduce((sum, point) => sum + point[at], 0) / points.length;
  const [ms, value] = [mean(0), mean(1)];
  const above = points.reduce((sum, point) => sum + (point[0] - ms) * (point[1] - value), 0);
  const below = points.reduce((sum, point) => sum + (point[0] - ms) ** 2, 0);
  return Number(((3_600_000 * above) / below).toFixed(1));
}
