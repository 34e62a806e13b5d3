// A sound for each priority, made here and not fetched: differing in number and pitch, so that it is told apart without
// looking. Browsers stay silent until the person has touched the page once.
import type { Severity } from '../api/types';

interface Tone {
  hz: number;
  beeps: number;
}

/** Low priorities are seen and not heard: a control room that always sounds is switched off. */
const TONES: Partial<Record<Severity, Tone>> = {
  medium: { hz: 440, beeps: 1 },
  high: { hz: 660, beeps: 2 },
  urgent: { hz: 880, beeps: 3 },
};
const BEEP_S = 0.14;
const GAP_S = 0.12;
const VOLUME = 0.25;

let context: AudioContext | null = null;

export function play(severity: Severity): void {
  const tone = TONES[severity];
  if (!tone) return;
  context ??= new AudioContext();
  void context.resume();
  for (let i = 0; i < tone.beeps; i += 1) beep(context, tone.hz, context.currentTime + i * (BEEP_S + GAP_S));
}

function beep(audio: AudioContext, hz: number, atS: number): void {
  const oscillator = audio.createOscillator();
  const gain = audio.createGain();
  oscillator.frequency.value = hz;
  // Ramps, because a tone that is cut off clicks.
  gain.gain.setValueAtTime(0, atS);
  gain.gain.linearRampToValueAtTime(VOLUME, atS + 0.02);
  gain.gain.setValueAtTime(VOLUME, atS + BEEP_S - 0.02);
  gain.gain.linearRampToValueAtTime(0, atS + BEEP_S);
  oscillator.connect(gain).connect(audio.destination);
  oscillator.start(atS);
  oscillator.stop(atS + BEEP_S);
}
