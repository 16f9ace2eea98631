// What is said of a transfer.
import type { TranslationBundle } from '@jupyterlab/translation';

import {
  formatBytes,
  formatDuration,
  formatPart,
  formatSince
} from '../format';
import type { Action, Transfer } from './transfer';

/** What a sentence needs besides the transfer. */
export interface ISurroundings {
  /** What the site is called. */
  site: string;
  trans: TranslationBundle;
}

/** "Home/survey" for the API path of a folder. */
export function placeOf(folder: string, root: string): string {
  const inside =
    root && folder.startsWith(`${root}/`)
      ? folder.slice(root.length + 1)
      : folder;
  return inside.replace(/^home(?=\/|$)/, 'Home') || '/';
}

/** Where it goes to: a folder of the mesh, or of the machine it runs on. */
export function whereOf(
  transfer: Transfer,
  root: string,
  trans: TranslationBundle
): string {
  const { path, folder } = transfer;
  const local = path.startsWith('/') && path.slice(0, path.lastIndexOf('/'));
  return trans.__('to %1', local || placeOf(folder, root));
}

/** Where it was started if that was not here, or "". */
export function originOf(transfer: Transfer, trans: TranslationBundle): string {
  const { elsewhere } = transfer;
  if (!elsewhere) {
    return '';
  }
  return /^jupyter[ -]mesh\b/.test(elsewhere.program)
    ? trans.__('Started in a terminal')
    : trans.__('Started by %1', elsewhere.program);
}

/** What is going on, in words: the phase. */
export function phaseOf(
  transfer: Transfer,
  { site, trans }: ISurroundings
): string {
  switch (transfer.phase) {
    case 'waiting':
      return trans.__('Waiting for its turn');
    case 'sending':
      return trans.__('Uploading');
    case 'paused':
      return trans.__('Paused');
    case 'offline':
    case 'unfinished':
      return trans.__('Stopped');
    case 'storing':
      return trans.__('Sending to %1', site);
    case 'copying':
      return trans.__('Copying');
    case 'elsewhere':
      return trans.__('Uploading in another window');
    case 'moving':
      return {
        upload: trans.__('Uploading'),
        download: trans.__('Downloading'),
        copy: trans.__('Copying'),
        sync: trans.__('Synchronising')
      }[transfer.kind];
    case 'done':
      return {
        upload: trans.__('Uploaded'),
        download: trans.__('Downloaded'),
        copy: trans.__('Copied'),
        sync: trans.__('Synchronised')
      }[transfer.kind];
    case 'failed':
      return {
        upload: trans.__('Not uploaded'),
        download: trans.__('Not downloaded'),
        copy: trans.__('Not copied'),
        sync: trans.__('Not synchronised')
      }[transfer.kind];
  }
}

/** "312 of 500 MB · 42 MB/s · 5 s left", as much of it as is known; "" if nothing is. */
export function figuresOf(
  transfer: Transfer,
  trans: TranslationBundle
): string {
  const { done, total, phase, rate, secondsLeft } = transfer;
  if (phase === 'failed' || (phase === 'waiting' && done === 0)) {
    return total ? formatBytes(total) : '';
  }
  if (phase === 'done') {
    return total === null ? '' : formatBytes(total);
  }
  const part =
    total === null ? formatBytes(done) : formatPart(done, total, trans);
  if (rate.speed === null) {
    return total === null && done === 0 ? '' : part;
  }
  const speed = formatBytes(rate.speed);
  return secondsLeft === null
    ? trans.__('%1 · %2/s', part, speed)
    : trans.__(
        '%1 · %2/s · %3 left',
        part,
        speed,
        formatDuration(secondsLeft, trans)
      );
}

/** What is wrong and what happens now, or "". */
export function troubleOf(
  transfer: Transfer,
  { site, trans }: ISurroundings
): string {
  const { phase, message, since, status } = transfer;
  if (phase === 'unfinished') {
    return trans.__('Choose the file again to continue.');
  }
  if (phase === 'offline' && message) {
    return trans.__('%1 It is tried again by itself.', message);
  }
  if (since && transfer.isRunning) {
    return phase === 'offline' || phase === 'elsewhere'
      ? trans.__(
          'Your Jupyter server does not answer since %1. The upload goes on by itself.',
          formatSince(since)
        )
      : trans.__(
          'Your Jupyter server does not answer since %1.',
          formatSince(since)
        );
  }
  if (phase !== 'failed') {
    return '';
  }
  if (message) {
    return message;
  }
  if (status === 401 || status === 403) {
    return trans.__(
      'Your login has ended. Sign in again in another tab, then retry.'
    );
  }
  if (status === 413) {
    return trans.__(
      'Something between this browser and %1 does not let so much through.',
      site
    );
  }
  return trans.__('Your Jupyter server refused it. Its log tells why.');
}

/** The text of a button, and its name for those who do not see which row it is in. */
export function wordsFor(
  action: Action,
  name: string,
  trans: TranslationBundle
): { text: string; label: string } {
  switch (action) {
    case 'pause':
      return { text: trans.__('Pause'), label: trans.__('Pause %1', name) };
    case 'resume':
      return { text: trans.__('Resume'), label: trans.__('Resume %1', name) };
    case 'choose':
      return {
        text: trans.__('Choose file…'),
        label: trans.__('Choose file… for %1', name)
      };
    case 'replace':
      return {
        text: trans.__('Replace…'),
        label: trans.__('Replace… %1', name)
      };
    case 'keep':
      return {
        text: trans.__('Keep both'),
        label: trans.__('Keep both: %1', name)
      };
    case 'retry':
      return { text: trans.__('Retry'), label: trans.__('Retry %1', name) };
    case 'cancel':
      return { text: trans.__('Cancel'), label: trans.__('Cancel %1', name) };
    case 'dismiss':
      return {
        text: trans.__('Dismiss'),
        label: trans.__('Dismiss %1', name)
      };
  }
}

/** "↑ 1 upload 43 %" for the status bar, or "" if nothing runs and nothing has failed. */
export function summaryOf(
  transfers: readonly Transfer[],
  trans: TranslationBundle
): string {
  const parts = [
    runningOf(transfers, 'upload', trans),
    runningOf(transfers, 'download', trans),
    runningOf(transfers, 'copy', trans),
    runningOf(transfers, 'sync', trans)
  ];
  const failed = transfers.filter(item => item.phase === 'failed').length;
  if (failed) {
    parts.push(
      trans._n('1 transfer failed', '%1 transfers failed', failed, failed)
    );
  }
  return parts.filter(part => part).join(' · ');
}

function runningOf(
  transfers: readonly Transfer[],
  kind: Transfer['kind'],
  trans: TranslationBundle
): string {
  const running = transfers.filter(
    item => item.kind === kind && item.isRunning
  );
  const count = running.length;
  if (!count) {
    return '';
  }
  const known = running.filter(item => item.total !== null);
  const sum = (of: (item: Transfer) => number): number =>
    known.reduce((all, item) => all + of(item), 0);
  const total = sum(item => item.total ?? 0);
  // What is on its way to the site has arrived here.
  const done = sum(item =>
    item.phase === 'storing' && running.some(one => one.needsPage)
      ? (item.total ?? 0)
      : item.done
  );
  const words = {
    upload: trans._n('↑ 1 upload', '↑ %1 uploads', count, count),
    download: trans._n('↓ 1 download', '↓ %1 downloads', count, count),
    copy: trans._n('⧉ 1 copy', '⧉ %1 copies', count, count),
    sync: trans._n('⇅ 1 sync', '⇅ %1 syncs', count, count)
  }[kind];
  return total
    ? trans.__('%1 %2 %', words, Math.floor((100 * done) / total))
    : words;
}
