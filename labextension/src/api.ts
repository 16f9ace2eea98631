// The only file with requests of our own.
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type {
  ISiteStatus,
  ITransferAnswer,
  IUnsaved,
  RoomAction
} from './tokens';

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

/** What our server knows of uploads and copies, oldest first. */
export async function fetchTransfers(
  settings: ServerConnection.ISettings
): Promise<ITransferAnswer[]> {
  const response = await request(settings, 'api/mesh/transfers');
  const answer = (await response.json()) as { transfers: ITransferAnswer[] };
  return answer.transfers;
}

/** Starts a copy; `target` is a free API path, or a folder. */
export async function startCopy(
  settings: ServerConnection.ISettings,
  source: string,
  target: string
): Promise<ITransferAnswer> {
  const response = await request(settings, 'api/mesh/transfers', {
    method: 'POST',
    body: JSON.stringify({ kind: 'copy', source, target })
  });
  return (await response.json()) as ITransferAnswer;
}

/** Cancels a transfer that runs, forgets one that has ended; one that is unknown is no error. */
export async function removeTransfer(
  settings: ServerConnection.ISettings,
  id: string
): Promise<void> {
  try {
    await request(settings, `api/mesh/transfers/${encodeURIComponent(id)}`, {
      method: 'DELETE'
    });
  } catch (error) {
    if (
      !(error instanceof ServerConnection.ResponseError) ||
      error.response.status !== 404
    ) {
      throw error;
    }
  }
}

/** Sends the bytes of a failed upload, which our server still has, once more. */
export async function retryTransfer(
  settings: ServerConnection.ISettings,
  id: string,
  replace: string | null
): Promise<ITransferAnswer> {
  const response = await request(
    settings,
    `api/mesh/transfers/${encodeURIComponent(id)}/retry`,
    { method: 'POST', body: JSON.stringify({ replace }) }
  );
  return (await response.json()) as ITransferAnswer;
}

/** Where uploads are sent to. */
export function uploadsUrl(settings: ServerConnection.ISettings): string {
  return URLExt.join(settings.baseUrl, 'api/mesh/uploads');
}

/** Where a folder, or several things of one folder, can be had as a zip. */
export function downloadUrl(
  settings: ServerConnection.ISettings,
  paths: readonly string[]
): string {
  const query = paths.map(path => `path=${encodeURIComponent(path)}`).join('&');
  return `${URLExt.join(settings.baseUrl, 'mesh/download')}?${query}`;
}

/** Why a document could not be saved last time, or null if it is saved. */
export async function fetchUnsaved(
  settings: ServerConnection.ISettings,
  path: string
): Promise<IUnsaved | null> {
  const query = URLExt.objectToQueryString({ path });
  return readUnsaved(await request(settings, `api/mesh/unsaved${query}`));
}

/**
 * Have our server decide about a document that is edited together: save it again, save it over what others
 * stored (the file with this `hash`), or give it up for theirs. Answers why it is still not saved, if so.
 */
export async function postUnsaved(
  settings: ServerConnection.ISettings,
  path: string,
  action: RoomAction,
  hash: string | null = null
): Promise<IUnsaved | null> {
  const body = JSON.stringify({ path, action, hash });
  return readUnsaved(
    await request(settings, 'api/mesh/unsaved', { method: 'POST', body })
  );
}

async function readUnsaved(response: Response): Promise<IUnsaved | null> {
  return ((await response.json()) as { unsaved: IUnsaved | null }).unsaved;
}

async function request(
  settings: ServerConnection.ISettings,
  address: string,
  init: RequestInit = {}
): Promise<Response> {
  const url = URLExt.join(settings.baseUrl, address);
  const response = await ServerConnection.makeRequest(url, init, settings);
  if (!response.ok) {
    throw await ServerConnection.ResponseError.create(response);
  }
  return response;
}
