// Requests about what others share, and about all that the user shares.
import type { ServerConnection } from '@jupyterlab/services';
import type { ILink, IPage, IReceived, IShare } from '../sharing/api';

import { URLExt } from '@jupyterlab/coreutils';

import { request, send } from '../api';

type Settings = ServerConnection.ISettings;

/** How one answers what others share; `pending` takes an answer back. */
export type Answer = 'accepted' | 'declined' | 'pending';

/** A link, with the API path of what it leads to. */
export interface IOwnLink extends ILink {
  path: string;
}

/** A page of any list of sharing. */
export async function fetchPage<T>(
  settings: Settings,
  address: string,
  query: Record<string, string | number>
): Promise<IPage<T>> {
  const wanted = Object.entries(query).filter(([, value]) => value !== '');
  const text = URLExt.objectToQueryString(Object.fromEntries(wanted));
  const response = await request(settings, `api/mesh/${address}${text}`);
  return (await response.json()) as IPage<T>;
}

export function fetchReceived(
  settings: Settings,
  cursor: string,
  limit: number
): Promise<IPage<IReceived>> {
  return fetchPage(settings, 'received', { cursor, limit });
}

/** What the user shares. */
export function fetchOwn(
  settings: Settings,
  cursor: string,
  limit: number
): Promise<IPage<IShare>> {
  return fetchPage(settings, 'shares', { cursor, limit });
}

/** The links of the user. */
export function fetchOwnLinks(
  settings: Settings,
  cursor: string,
  limit: number
): Promise<IPage<IOwnLink>> {
  return fetchPage(settings, 'links', { cursor, limit });
}

/** Accepts or declines what somebody shares. */
export function answerReceived(
  settings: Settings,
  id: string,
  state: Answer
): Promise<IReceived> {
  return change(settings, id, { state });
}

/** Keeps something out of the list, or puts it back there. */
export function hideReceived(
  settings: Settings,
  id: string,
  hidden: boolean
): Promise<IReceived> {
  return change(settings, id, { hidden });
}

/** Gives up what somebody shares. The files of the other one stay as they are. */
export async function leaveReceived(
  settings: Settings,
  id: string
): Promise<void> {
  await request(settings, addressOf(id), { method: 'DELETE' });
}

async function change(
  settings: Settings,
  id: string,
  what: object
): Promise<IReceived> {
  const response = await send(settings, 'PATCH', addressOf(id), what);
  return (await response.json()) as IReceived;
}

function addressOf(id: string): string {
  return `api/mesh/received/${encodeURIComponent(id)}`;
}
