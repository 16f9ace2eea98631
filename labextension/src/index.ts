import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { bin } from './bin/plugin';
import { clipboard } from './clipboard/plugin';
import { code } from './code/plugin';
import { collaboration } from './rooms/plugin';
import { conflict } from './conflict/plugin';
import { download } from './transfers/download';
import { link } from './panel/link';
import { badges, listing } from './listing/plugin';
import { locks } from './locks/plugin';
import { mount } from './mount/plugin';
import { panel } from './panel/plugin';
import { people } from './people/plugin';
import { projects } from './projects/plugin';
import { revoked, share } from './sharing/plugin';
import { sharingMarks, sharingState } from './sharing/provider';
import { runs } from './runs/plugin';
import { shared } from './shared/plugin';
import { site } from './site/plugin';
import { status } from './site/status';
import { transfers } from './transfers/plugin';
import { versions } from './versions/plugin';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  site,
  sharingState,
  sharingMarks,
  share,
  revoked,
  panel,
  link,
  status,
  clipboard,
  conflict,
  collaboration,
  versions,
  shared,
  people,
  projects,
  bin,
  badges,
  listing,
  locks,
  transfers,
  download,
  mount,
  code,
  runs
];

export default plugins;
