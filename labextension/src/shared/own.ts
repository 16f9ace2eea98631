// What the user shares, one row for each thing.
import type { Kind, IShare } from '../sharing/api';
import type { IOwnLink } from './api';

/** A thing that is shared, with how many have access to it. */
export interface IOwnRow {
  key: string;
  /** API path; "" for what is not among the user's files any more. */
  path: string;
  name: string;
  kind: Kind | null;
  people: number;
  groups: number;
  links: number;
  /** What gives access, so that it can be taken away where there is no path to open. */
  shares: readonly IShare[];
}

/** Puts together what is about the same thing, the one that was shared last first. */
export function ownRows(
  shares: readonly IShare[],
  links: readonly IOwnLink[]
): IOwnRow[] {
  const rows = new Map<string, IOwnRow & { shares: IShare[] }>();
  const rowOf = (
    thing: { id: string; path: string; name: string },
    kind: Kind | null
  ): IOwnRow & { shares: IShare[] } => {
    const key = thing.path || thing.id;
    let row = rows.get(key);
    if (!row) {
      const { path, name } = thing;
      const counts = { people: 0, groups: 0, links: 0 };
      row = { key, path, name, kind, ...counts, shares: [] };
      rows.set(key, row);
    }
    return row;
  };
  for (const share of shares) {
    const row = rowOf(share, share.kind);
    row.shares.push(share);
    if (share.with.kind === 'group') {
      row.groups += 1;
    } else {
      row.people += 1;
    }
  }
  for (const link of links) {
    if (link.path) {
      const name = link.path.slice(link.path.lastIndexOf('/') + 1);
      rowOf({ ...link, name }, null).links += 1;
    }
  }
  return Array.from(rows.values());
}
