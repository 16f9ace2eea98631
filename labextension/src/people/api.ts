// Requests about contacts, invitations and sites.
import type { ServerConnection } from '@jupyterlab/services';
import type {
  IInvitation,
  IInvitationRead,
  IInvitationTexts,
  IPage,
  IPerson,
  ISite
} from '../sharing/api';

import { request, send } from '../api';
import { fetchPage } from '../shared/api';

type Settings = ServerConnection.ISettings;

/** An invitation as the user has it: as text, or by the name that our server gave it when a link led here. */
export type Received = { text: string } | { nonce: string };

/** Contacts whose name, or whose site, has the text in it. */
export function fetchContacts(
  settings: Settings,
  text: string,
  cursor: string,
  limit: number
): Promise<IPage<IPerson>> {
  return fetchPage(settings, 'contacts', { q: text, cursor, limit });
}

export async function removeContact(
  settings: Settings,
  key: string
): Promise<void> {
  await request(settings, `api/mesh/contacts/${encodeURIComponent(key)}`, {
    method: 'DELETE'
  });
}

/** The e-mail address of a contact, which nobody is told without asking. */
export async function fetchEmail(
  settings: Settings,
  key: string
): Promise<string> {
  const address = `api/mesh/contacts/${encodeURIComponent(key)}/email`;
  const response = await request(settings, address);
  return ((await response.json()) as { email: string }).email;
}

/** Sites by a part of their name or address. */
export function fetchSites(
  settings: Settings,
  text: string
): Promise<IPage<ISite>> {
  return fetchPage(settings, 'sites', { q: text, limit: 20 });
}

export function fetchInvitations(
  settings: Settings,
  cursor: string,
  limit: number
): Promise<IPage<IInvitation>> {
  return fetchPage(settings, 'invitations', { cursor, limit });
}

/** A new invitation; the note is for oneself. */
export async function createInvitation(
  settings: Settings,
  note: string
): Promise<IInvitation & IInvitationTexts> {
  const response = await send(settings, 'POST', 'api/mesh/invitations', {
    note
  });
  return (await response.json()) as IInvitation & IInvitationTexts;
}

/** What is sent to the invited person, once more. */
export async function copyInvitation(
  settings: Settings,
  id: string
): Promise<IInvitationTexts> {
  const address = `api/mesh/invitations/${encodeURIComponent(id)}/copy`;
  const response = await request(settings, address, { method: 'POST' });
  return (await response.json()) as IInvitationTexts;
}

export async function withdrawInvitation(
  settings: Settings,
  id: string
): Promise<void> {
  await request(settings, `api/mesh/invitations/${encodeURIComponent(id)}`, {
    method: 'DELETE'
  });
}

/** Who invites, as far as it can be seen before anything is sent. Changes nothing. */
export async function readInvitation(
  settings: Settings,
  received: Received,
  site: string | null
): Promise<IInvitationRead> {
  return (await answerTo(settings, 'read', received, site)) as IInvitationRead;
}

/** Tells the other site who the user is, and has a contact from then on. */
export async function acceptInvitation(
  settings: Settings,
  received: Received,
  site: string | null
): Promise<IPerson> {
  return (await answerTo(settings, 'accept', received, site)) as IPerson;
}

async function answerTo(
  settings: Settings,
  verb: 'read' | 'accept',
  received: Received,
  site: string | null
): Promise<unknown> {
  const response = await send(
    settings,
    'POST',
    `api/mesh/invitations/${verb}`,
    {
      ...received,
      ...(site !== null && { site })
    }
  );
  return response.json();
}
