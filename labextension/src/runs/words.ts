// What is said of a run.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IRun } from './api';

import { PathExt } from '@jupyterlab/coreutils';

/** True while something can still change. */
export function isActive(run: IRun): boolean {
  return run.state === 'waiting' || run.state === 'running';
}

/** One sentence. */
export function sentenceOf(run: IRun, trans: TranslationBundle): string {
  const name = PathExt.basename(run.path);
  switch (run.state) {
    case 'waiting':
      return trans.__('"%1" waits for its turn to run.', name);
    case 'running':
      return run.total === null
        ? trans.__('"%1" starts to run.', name)
        : trans.__('"%1" runs: %2 of %3 cells.', name, run.done, run.total);
    case 'done':
      return trans.__('"%1" has run.', name);
    case 'cancelled':
      return run.output
        ? trans.__('"%1" was stopped. What it did until then is saved.', name)
        : trans.__('"%1" was stopped.', name);
    case 'failed':
      return trans.__('"%1" failed. %2', name, run.message);
  }
}
