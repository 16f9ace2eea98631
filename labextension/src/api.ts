// Requests of our own. Those about sharing are in sharing/.
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { Comparison, IBinItem, IPast, IPurged, StateRef } from './past';
import type {
  ICode,
  IMountStatus,
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

/** How the mount of our server is. */
export async function fetchMount(
  settings: ServerConnection.ISettings
): Promise<IMountStatus> {
  const response = await request(settings, 'api/mesh/mount');
  return (await response.json()) as IMountStatus;
}

/** Uploads now what code has written at or below an API path; answers what is still left. */
export async function flushMount(
  settings: ServerConnection.ISettings,
  path: string
): Promise<string[]> {
  const response = await post(settings, 'api/mesh/mount/flush', { path });
  return ((await response.json()) as { left: string[] }).left;
}

/** The user knows the conflicts of the mount. */
export async function dismissConflicts(
  settings: ServerConnection.ISettings
): Promise<void> {
  await request(settings, 'api/mesh/mount/conflicts', { method: 'DELETE' });
}

/** How code opens files, for a notebook at `from`. */
export async function fetchCode(
  settings: ServerConnection.ISettings,
  paths: readonly string[],
  from = ''
): Promise<ICode> {
  const query = new URLSearchParams(paths.map(path => ['path', path]));
  query.set('from', from);
  const response = await request(settings, `api/mesh/code?${query}`);
  return (await response.json()) as ICode;
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
  await remove(settings, `api/mesh/transfers/${encodeURIComponent(id)}`);
}

/** Deletes what a path of our server stands for; what is not there is no error. */
export async function remove(
  settings: ServerConnection.ISettings,
  path: string
): Promise<void> {
  try {
    await request(settings, path, { method: 'DELETE' });
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

/** What the site keeps of a file. */
export async function fetchVersions(
  settings: ServerConnection.ISettings,
  path: string
): Promise<IPast> {
  const query = URLExt.objectToQueryString({ path });
  const response = await request(settings, `api/mesh/versions${query}`);
  return (await response.json()) as IPast;
}

/** Makes an earlier version the content; the present one becomes a version. */
export async function restoreVersion(
  settings: ServerConnection.ISettings,
  path: string,
  id: string
): Promise<void> {
  await post(settings, 'api/mesh/versions/restore', { path, id });
}

/** The bytes of an earlier version. */
export async function fetchVersion(
  settings: ServerConnection.ISettings,
  path: string,
  id: string
): Promise<Blob> {
  const query = URLExt.objectToQueryString({ path, id });
  const response = await request(settings, `api/mesh/versions/content${query}`);
  return response.blob();
}

/** Where a browser downloads an earlier version. */
export function versionUrl(
  settings: ServerConnection.ISettings,
  path: string,
  id: string
): string {
  const _xsrf = /(?:^|;\s*)_xsrf=([^;]*)/.exec(document.cookie)?.[1] ?? '';
  const query = URLExt.objectToQueryString({ path, id, download: 1, _xsrf });
  return URLExt.join(settings.baseUrl, `api/mesh/versions/content${query}`);
}

/** Two states of a file side by side; without an old one, the new one alone. */
export async function compare(
  settings: ServerConnection.ISettings,
  path: string,
  old: StateRef | null,
  now: StateRef
): Promise<Comparison> {
  const body = { path, old, new: now };
  const response = await post(settings, 'api/mesh/compare', body);
  return (await response.json()) as Comparison;
}

/** What was deleted in the space that holds an API path, latest first. */
export async function fetchBin(
  settings: ServerConnection.ISettings,
  path: string
): Promise<IBinItem[]> {
  const query = URLExt.objectToQueryString({ path });
  const response = await request(settings, `api/mesh/bin${query}`);
  return ((await response.json()) as { items: IBinItem[] }).items;
}

/** Puts a deleted thing back, at `to` or where it was. Answers its API path. */
export async function restoreFromBin(
  settings: ServerConnection.ISettings,
  path: string,
  key: string,
  to?: string
): Promise<string> {
  const body = { path, key, to };
  const response = await post(settings, 'api/mesh/bin/restore', body);
  return ((await response.json()) as { path: string }).path;
}

/** Deletes the named things for ever. */
export async function purgeFromBin(
  settings: ServerConnection.ISettings,
  path: string,
  keys: string[]
): Promise<IPurged> {
  const response = await post(settings, 'api/mesh/bin/purge', { path, keys });
  return (await response.json()) as IPurged;
}

function post(
  settings: ServerConnection.ISettings,
  address: string,
  body: object
): Promise<Response> {
  return send(settings, 'POST', address, body);
}

/** Sends JSON to an address below the base of our server; rejects like `request`. */
export function send(
  settings: ServerConnection.ISettings,
  method: 'POST' | 'PATCH' | 'PUT',
  address: string,
  body: object
): Promise<Response> {
  return request(settings, address, { method, body: JSON.stringify(body) });
}

/**
 * Asks an address below the base of our server.
 *
 * Rejects with NetworkError if the server is away and with ResponseError for every answer that is not OK.
 */
export async function request(
  settings: ServerConnection.ISettings,
  address: string,
  init: RequestInit = {}
): Promise<Response> {
  const url = URLExt.join(settings.baseUrl, address);
  const response = await ServerConnection.makeRequest(url, init, settings);
  if (!response.ok) {
    // Whoever catches it can still read the answer.
    const { message, traceback } = await ServerConnection.ResponseError.create(
      response.clone()
    );
    throw new ServerConnection.ResponseError(response, message, traceback);
  }
  return response;
}
