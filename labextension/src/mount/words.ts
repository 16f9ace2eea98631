// What is said of the mount: pure, so that every state can be tested without a browser.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IMountConflict, IMountStatus } from '../tokens';

import { PathExt } from '@jupyterlab/coreutils';

import { formatSince } from '../format';

/** One line about the mount. */
export interface IMountLine {
  /** `quiet`: all is well; `busy`: something goes on; `warning` and `error`: the user is needed. */
  kind: 'quiet' | 'busy' | 'warning' | 'error';
  text: string;
  /** What else there is to know, for who asks, or "". */
  detail: string;
  /** True where trying again at once may help. */
  canTry: boolean;
}

/** The line for a state; null where there is no mount, or nothing is known of it. */
export function lineFor(
  mount: IMountStatus | null,
  site: string,
  isOnline: boolean,
  trans: TranslationBundle
): IMountLine | null {
  if (mount === null || mount.state === 'none') {
    return null;
  }
  const detail = detailOf(mount, trans);
  const line = (
    kind: IMountLine['kind'],
    text: string,
    canTry = false
  ): IMountLine => ({ kind, text, detail, canTry });
  const { waiting } = mount;
  switch (mount.state) {
    case 'hung':
      return line(
        'error',
        trans.__(
          'The mounted folder does not answer. Files opened by code may hang. Restart the server.'
        )
      );
    case 'gone':
      return line(
        'error',
        waiting
          ? trans.__(
              'The mounted folder is gone: code cannot open files there. What is not at %1 yet is kept. Restart the server.',
              site
            )
          : trans.__(
              'The mounted folder is gone: code cannot open files there. Restart the server.'
            )
      );
    case 'starting':
      return line('busy', trans.__('Mounting your files…'));
    case 'stopping':
      return line(
        'busy',
        waiting
          ? trans.__('Unmounting: %1', onTheirWay(waiting, site, trans))
          : trans.__('Unmounting your files…')
      );
  }
  if (mount.failing_since) {
    const since = formatSince(new Date(mount.failing_since));
    const what = waiting
      ? trans._n(
          '1 file that code wrote cannot be sent to %2 since %3.',
          '%1 files that code wrote cannot be sent to %2 since %3.',
          waiting,
          site,
          since
        )
      : trans.__('The mounted folder cannot reach %1 since %2.', site, since);
    const why = mount.message ? trans.__('%1 %2', what, mount.message) : what;
    return line(
      'warning',
      waiting
        ? trans.__(
            '%1 Nothing is lost: it is kept on this server and tried again.',
            why
          )
        : why,
      waiting > 0
    );
  }
  if (waiting && !isOnline) {
    const text = trans._n(
      '1 file that code wrote waits until %2 answers.',
      '%1 files that code wrote wait until %2 answers.',
      waiting,
      site
    );
    return line('busy', text);
  }
  return waiting
    ? line('busy', onTheirWay(waiting, site, trans))
    : line('quiet', trans.__('Mounted for code'));
}

function onTheirWay(
  count: number,
  site: string,
  trans: TranslationBundle
): string {
  return trans._n(
    '1 file on its way to %2',
    '%1 files on their way to %2',
    count,
    site
  );
}

/** Where it is and what waits, by name. */
function detailOf(mount: IMountStatus, trans: TranslationBundle): string {
  const named = mount.pending.slice(0, 10).map(file => file.path);
  const more = mount.waiting - named.length;
  return [
    mount.dir ? trans.__('Code finds your files in %1', mount.dir) : '',
    ...named,
    more > 0 && named.length ? trans.__('and %1 more', more) : ''
  ]
    .filter(text => text)
    .join('\n');
}

/** What happened to a file that two have written. */
export function conflictText(
  { path, copy, who }: IMountConflict,
  trans: TranslationBundle
): string {
  const name = PathExt.basename(path);
  const kept = PathExt.basename(copy);
  return who
    ? trans.__(
        '"%1" was changed by %2 while code wrote it. Both are kept: what code wrote is "%3".',
        name,
        who,
        kept
      )
    : trans.__(
        '"%1" was changed elsewhere while code wrote it. Both are kept: what code wrote is "%2".',
        name,
        kept
      );
}
