// What to say above a listing: pure, so that every state can be tested without a browser.
import type { AreaName, IArea, ISiteStatus } from '../tokens';

/** The one thing the panel has to say, besides the files. */
export type Notice =
  | { kind: 'none' }
  | { kind: 'loading' }
  | { kind: 'not-configured' }
  | { kind: 'offline'; site: string; since: Date; isAsking: boolean }
  | { kind: 'signed-out'; site: string }
  | { kind: 'error'; message: string }
  | { kind: 'gone'; message: string }
  | { kind: 'filtered' }
  | {
      kind: 'empty';
      area: AreaName | null;
      isTop: boolean;
      isWritable: boolean;
    };

/** What the notice depends on. */
export interface ISituation {
  status: ISiteStatus | null;
  isAsking: boolean;
  /** A folder has been opening for longer than one waits without a sign. */
  isSlow: boolean;
  isPopulated: boolean;
  isEmpty: boolean;
  isFiltered: boolean;
  isWritable: boolean;
  /** Why the folder could not be read, one sentence, or "". */
  failure: string;
  /** Another folder is shown in place of one that is gone. */
  isGone: boolean;
  /** API path of the open folder. */
  path: string;
  areas: readonly IArea[];
}

/** The area that holds an API path. */
export function areaOf(path: string, areas: readonly IArea[]): IArea | null {
  const clean = path.replace(/^\/+/, '');
  const holders = areas.filter(
    area =>
      !area.path || clean === area.path || clean.startsWith(`${area.path}/`)
  );
  return holders.sort((a, b) => b.path.length - a.path.length)[0] ?? null;
}

/** The most important thing to say: what is wrong with the site, then with the folder, then what is empty. */
export function noticeFor(situation: ISituation): Notice {
  const { status } = situation;
  const site = status?.site.title ?? '';
  if (status?.state === 'not-configured') {
    return { kind: 'not-configured' };
  }
  if (status?.state === 'signed-out') {
    return { kind: 'signed-out', site };
  }
  if (status?.state === 'offline') {
    return {
      kind: 'offline',
      site,
      since: new Date(status.since),
      isAsking: situation.isAsking
    };
  }
  if (situation.isSlow) {
    return { kind: 'loading' };
  }
  if (situation.failure) {
    const kind = situation.isGone ? 'gone' : 'error';
    return { kind, message: situation.failure };
  }
  if (!situation.isPopulated) {
    return { kind: 'none' };
  }
  if (situation.isFiltered) {
    return { kind: 'filtered' };
  }
  if (situation.isEmpty) {
    const area = areaOf(situation.path, situation.areas);
    return {
      kind: 'empty',
      area: area?.name ?? null,
      isTop: area?.path === situation.path.replace(/^\/+/, ''),
      isWritable: situation.isWritable
    };
  }
  return { kind: 'none' };
}
