import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { bin } from './plugins/bin';
import { clipboard } from './plugins/clipboard';
import { collaboration } from './plugins/collaboration';
import { conflict } from './plugins/conflict';
import { download } from './plugins/download';
import { link } from './plugins/link';
import { badges, listing } from './plugins/listing';
import { locks } from './plugins/locks';
import { panel } from './plugins/panel';
import { site } from './plugins/site';
import { status } from './plugins/status';
import { transfers } from './plugins/transfers';
import { versions } from './plugins/versions';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  site,
  panel,
  link,
  status,
  clipboard,
  conflict,
  collaboration,
  versions,
  bin,
  badges,
  listing,
  locks,
  transfers,
  download
];

export default plugins;
