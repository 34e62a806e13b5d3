// The hub's time, ticking once a second. Ages are told by the hub's clock, as each answer's Date header shows it: a
// control-room computer with a wrong clock must not make a dead camera look fresh.
import { listenToHubDate } from '../api/client';

/** The Date header has whole seconds and the way takes time: below this the two clocks count as equal. */
const SKEW_MS_MIN = 2500;

class Clock {
  now = $state(Date.now());
  /** Today here, as `Date.toDateString` says it; changes at midnight only, so that whoever asks it is not asked each second. */
  today = $state(new Date().toDateString());
  /** Hub minus this computer; 0 where they agree. */
  skewMs = $state(0);

  constructor() {
    listenToHubDate((hubMs, sentMs, receivedMs) => {
      const skewMs = hubMs + 500 - (sentMs + receivedMs) / 2;
      this.skewMs = Math.abs(skewMs) < SKEW_MS_MIN ? 0 : Math.round(skewMs / 1000) * 1000;
    });
    setInterval(() => this.tick(), 1000);
    document.addEventListener('visibilitychange', () => this.tick());
  }

  tick(): void {
    this.now = Date.now() + this.skewMs;
    this.today = new Date(this.now).toDateString();
  }
}

export const clock = new Clock();
