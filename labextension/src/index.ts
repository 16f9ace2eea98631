import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { clipboard } from './plugins/clipboard';
import { conflict } from './plugins/conflict';
import { link } from './plugins/link';
import { badges, listing } from './plugins/listing';
import { panel } from './plugins/panel';
import { site } from './plugins/site';
import { status } from './plugins/status';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  site,
  panel,
  link,
  status,
  clipboard,
  conflict,
  badges,
  listing
];

export default plugins;
