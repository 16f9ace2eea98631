// Figures and times as people read them.
import type { TranslationBundle } from '@jupyterlab/translation';

import { Time } from '@jupyterlab/coreutils';

import type { ISiteStatus } from './tokens';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** The figure in the unit of `reference`, at most one decimal: 3100000000 of 50e9 is "3.1". */
function figure(bytes: number, exponent: number): string {
  const value = bytes / 1000 ** exponent;
  return value >= 100 || exponent === 0
    ? value.toFixed(0)
    : value.toFixed(1).replace(/\.0$/, '');
}

function exponentOf(bytes: number): number {
  const exponent = bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3);
  return Math.min(exponent, UNITS.length - 1);
}

/** "2.1 GB" */
export function formatBytes(bytes: number): string {
  const exponent = exponentOf(bytes);
  return `${figure(bytes, exponent)} ${UNITS[exponent]}`;
}

/** The part without a unit, where the unit of the whole fits it: "3.1" of 50 GB. */
function figureOf(part: number, whole: number): string {
  const exponent = exponentOf(whole);
  const isReadable = part === 0 || part >= 0.1 * 1000 ** exponent;
  return isReadable ? figure(part, exponent) : formatBytes(part);
}

/** "3.1 of 50 GB used" */
export function formatQuota(
  quota: { used: number; total: number },
  trans: TranslationBundle
): string {
  const { used, total } = quota;
  return trans.__('%1 of %2 used', figureOf(used, total), formatBytes(total));
}

/** "312 of 500 MB" */
export function formatPart(
  done: number,
  total: number,
  trans: TranslationBundle
): string {
  return trans.__('%1 of %2', figureOf(done, total), formatBytes(total));
}

/** "5 s", "3 min", "2 h": rounded up, so that nothing takes longer than said while the speed stays. */
export function formatDuration(
  seconds: number,
  trans: TranslationBundle
): string {
  if (seconds < 60) {
    return trans.__('%1 s', Math.max(1, Math.ceil(seconds)));
  }
  if (seconds < 3600) {
    return trans.__('%1 min', Math.ceil(seconds / 60));
  }
  return trans.__('%1 h', Math.ceil(seconds / 3600));
}

/** "14:02" today, with the date before. */
export function formatSince(since: Date, now = new Date()): string {
  const time: Intl.DateTimeFormatOptions = {
    hour: '2-digit',
    minute: '2-digit'
  };
  return since.toDateString() === now.toDateString()
    ? since.toLocaleTimeString([], time)
    : since.toLocaleString([], { ...time, day: 'numeric', month: 'long' });
}

/** The state of the site in words. */
export function describeState(
  status: ISiteStatus | null,
  trans: TranslationBundle
): string {
  switch (status?.state) {
    case 'online':
      return trans.__('Connected');
    case 'offline':
      return trans.__('Not answering');
    case 'signed-out':
      return trans.__('Signed out');
    case 'not-configured':
      return trans.__('Not set up');
    default:
      return trans.__('Connecting…');
  }
}

/** Seconds for which something happened just now. */
const JUST_NOW = 60;

/** "3 minutes ago", "just now" */
export function formatAgo(
  time: string,
  trans: TranslationBundle,
  now = Date.now()
): string {
  const age = (now - new Date(time).getTime()) / 1000;
  return age < JUST_NOW ? trans.__('just now') : Time.formatHuman(time);
}

/** "21 November 2026, 14:02:33" as the browser's language has it */
export function formatExact(time: string): string {
  return new Date(time).toLocaleString([], {
    dateStyle: 'long',
    timeStyle: 'medium'
  });
}
