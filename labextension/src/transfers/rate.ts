// How fast something goes, and how long it will take.

/** Milliseconds that count for the speed of now. */
const WINDOW = 5000;

/** Milliseconds before the first figure: earlier it would jump. */
const SETTLING = 500;

/** The speed of something that is told how far it is. */
export class Rate {
  /** `now` gives milliseconds; tests give their own. */
  constructor(private _now: () => number = () => performance.now()) {}

  /** Notes how much is done. A figure smaller than the last one starts anew. */
  note(done: number): void {
    const last = this._samples[this._samples.length - 1];
    if (last && done < last.done) {
      this._samples = [];
    }
    const now = this._now();
    this._samples.push({ time: now, done });
    while (this._samples.length > 2 && this._samples[1].time <= now - WINDOW) {
      this._samples.shift();
    }
  }

  /** Forgets what was: after a pause the time of the pause does not count. */
  reset(): void {
    this._samples = [];
  }

  /** Bytes per second over the last seconds, or null while there is no sound figure. */
  get speed(): number | null {
    const first = this._samples[0];
    const last = this._samples[this._samples.length - 1];
    // Until now, not until the last sample: what stalls gets slower.
    const elapsed = first ? this._now() - first.time : 0;
    return elapsed >= SETTLING && last.done > first.done
      ? ((last.done - first.done) / elapsed) * 1000
      : null;
  }

  private _samples: { time: number; done: number }[] = [];
}
