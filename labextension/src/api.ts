// The only file with requests of our own.
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { ISiteStatus } from './tokens';

/**
 * Ask our server how the site is.
 *
 * `fresh` asks the site itself instead of taking an answer of the last seconds. Rejects with NetworkError
 * if the server is away and with ResponseError for every answer that is not OK.
 */
export async function fetchStatus(
  settings: ServerConnection.ISettings,
  fresh = false
): Promise<ISiteStatus> {
  const url = URLExt.join(settings.baseUrl, 'api/mesh/status');
  const response = await ServerConnection.makeRequest(
    fresh ? `${url}?fresh=1` : url,
    {},
    settings
  );
  if (!response.ok) {
    throw await ServerConnection.ResponseError.create(response);
  }
  return (await response.json()) as ISiteStatus;
}
