// Sharing as our server answers it, and the requests of the share dialog.
import type { ServerConnection } from '@jupyterlab/services';

import { URLExt } from '@jupyterlab/coreutils';

import { request, send } from '../api';

/** Where somebody is at home. */
export interface ISiteName {
  /** Host name, with the port where it has one. */
  domain: string;
  /** What its people call it. */
  title: string;
}

/** A person or a group, as one can share with them. */
export interface IPerson {
  /** What a request names them by. */
  key: string;
  kind: 'user' | 'group' | 'contact';
  name: string;
  username: string;
  /** Size of a group, where the site tells it. */
  members: number | null;
  /** Null for somebody of the own site. */
  site: ISiteName | null;
}

/** What a share allows. `custom` is a mixture that another program has made. */
export type Role = 'viewer' | 'editor' | 'uploader' | 'owner' | 'custom';

export type Kind = 'file' | 'directory';

/** A place of the mesh, by its API path. */
export interface IPlace {
  path: string;
  name: string;
}

/** What the user shares with somebody. Times are ISO 8601. */
export interface IShare extends IPlace {
  id: string;
  kind: Kind | null;
  with: IPerson;
  role: Role;
  expires: string | null;
  note: string;
  created: string | null;
  /** True for a share with somebody at another site. */
  federated: boolean;
}

/** A link that lets in whoever has it. */
export interface ILink {
  id: string;
  name: string;
  role: Role;
  url: string;
  hasPassword: boolean;
  expires: string | null;
  created: string | null;
  /** The folder above to which the link leads, or null if it leads here. */
  from: IPlace | null;
}

/** How somebody comes to have access. */
export type Via = 'direct' | 'inherited' | 'group' | 'project';

/** Somebody who has access. */
export interface IAccessRow {
  /** Null for what no share of ours gives. */
  share: string | null;
  who: IPerson;
  role: Role;
  expires: string | null;
  note: string;
  via: Via;
  /** What is shared in fact, or null if it is the thing itself. */
  from: IPlace | null;
  canChange: boolean;
  canRemove: boolean;
}

/** The answer of `GET api/mesh/access`: who can see a thing, and why. */
export interface IAccess extends IPlace {
  kind: Kind;
  /** What a link names it by: stays when it is moved. */
  id: string;
  me: { role: Role; canShare: boolean; whyNot: string };
  owner: IPerson | null;
  rows: IAccessRow[];
  links: ILink[];
  /** What could not be asked, in words: the answer is not complete then. */
  problems: string[];
}

/** What somebody else shares with the user. */
export interface IReceived {
  id: string;
  name: string;
  kind: Kind | null;
  owner: IPerson;
  sender: IPerson;
  site: ISiteName | null;
  role: Role;
  state: 'pending' | 'accepted' | 'declined' | 'withdrawn';
  hidden: boolean;
  expires: string | null;
  created: string | null;
  /** API path once it is accepted, else "". */
  path: string;
}

/** What a site may or may not be able to do. */
export type AbilityName =
  | 'userShares'
  | 'groupShares'
  | 'uploader'
  | 'shareExpiry'
  | 'shareNotes'
  | 'links'
  | 'linkPasswords'
  | 'linkUploads'
  | 'federated'
  | 'invitations'
  | 'withdrawInvitations'
  | 'contacts'
  | 'sites'
  | 'projects';

/** Whether a site can do something; `why` is one sentence where it cannot. */
export interface IAbility {
  can: boolean;
  why: string;
}

export type Abilities = Record<AbilityName, IAbility>;

/** An institution. */
export interface ISite extends ISiteName {
  homepage: string;
  /** Who lists it. */
  lists: string[];
  own: boolean;
}

/** An open invitation; the code itself is told only when it is asked for. */
export interface IInvitation {
  id: string;
  note: string;
  expires: string | null;
  /** The last 4 characters of the code. */
  ends: string;
}

/** What is sent to the invited person, by the user. */
export interface IInvitationTexts {
  link: string;
  code: string;
  mail: { subject: string; body: string };
}

/** Who invites, as far as an invitation tells it before anything is sent. */
export interface IInvitationRead {
  site: ISite | null;
  own: boolean;
  needsSite: boolean;
  me: { name: string; site: string };
  tells: string[];
}

export interface IMember {
  who: IPerson;
  role: Role;
  state: 'active' | 'pending' | 'missing' | 'failed' | 'leaving' | 'left';
  message: string;
  share: string | null;
  expires: string | null;
}

/** A folder with members at several sites. */
export interface IProject extends IPlace {
  id: string;
  me: Role;
  members: IMember[];
  /** Of the list of members: a change of another one is refused. */
  version: string;
  /** True if what the sites say is not what was agreed. */
  drift: boolean;
}

/** A part of a list; `next` asks for the following part. */
export interface IPage<T> {
  items: T[];
  next: string | null;
  total: number | null;
}

/** The answer of a search for people. */
export interface IFound {
  items: IPerson[];
  problems: string[];
}

/** The answer of `GET api/mesh/marks`: API paths of what is shared and of what was received. */
export interface IMarks {
  given: { path: string; people: number; groups: number; byLink: boolean }[];
  received: { path: string; from: IPerson }[];
}

/** Schema of the event that tells of a change of shares, links, contacts, invitations or projects. */
export const SHARING_SCHEMA = 'https://schema.jupyter-mesh.org/sharing/v1';

/** What such an event tells. */
export interface ISharingEvent {
  what:
    'shares' | 'received' | 'links' | 'contacts' | 'invitations' | 'projects';
  /** API path of what it is about, or "". */
  path: string;
}

/** What a share is asked for with. */
export interface IShareRequest {
  path: string;
  /** Key of a person. */
  with: string;
  role: Role;
  expires: string | null;
  note: string;
  /** True to share although things above or below are shared with the same person. */
  force: boolean;
}

/** What a link is asked for with; an empty password is none. */
export interface ILinkRequest {
  path: string;
  role: Role;
  password: string;
  expires: string | null;
  name: string;
}

/** Shares of things above or below that are in the way of a new one. */
export interface IConflict {
  paths: string[];
  /** True if the new one can take their place. */
  canForce: boolean;
}

/** A failure in words, with what the operators of the site need to find it in their logs. */
export interface IFailure {
  message: string;
  /** HTTP status, or 0 where our server did not answer. */
  status: number;
  /** Reference id, or "". */
  trace: string;
  conflict: IConflict | null;
}

type Settings = ServerConnection.ISettings;

/** What an error of a request says. */
export async function failureOf(error: unknown): Promise<IFailure> {
  const { response } = error as Partial<ServerConnection.ResponseError>;
  const failure = {
    message: (error as Error).message,
    status: response?.status ?? 0,
    trace: '',
    conflict: null
  };
  if (!response) {
    return failure;
  }
  try {
    const answer = (await response.clone().json()) as Partial<IFailure>;
    return {
      ...failure,
      trace: answer.trace ?? '',
      conflict: answer.conflict ?? null
    };
  } catch {
    // A proxy has answered, with a page.
    return failure;
  }
}

/** What the site can do, and why not where it cannot. */
export async function fetchAbilities(settings: Settings): Promise<Abilities> {
  const response = await request(settings, 'api/mesh/sharing');
  return (await response.json()) as Abilities;
}

/** Who has access to an API path. */
export async function fetchAccess(
  settings: Settings,
  path: string
): Promise<IAccess> {
  const query = URLExt.objectToQueryString({ path });
  const response = await request(settings, `api/mesh/access${query}`);
  return (await response.json()) as IAccess;
}

/** Shares; rejects with 409 where `conflictOf` tells what is in the way. */
export async function createShare(
  settings: Settings,
  share: IShareRequest
): Promise<IShare> {
  const response = await send(settings, 'POST', 'api/mesh/shares', share);
  return (await response.json()) as IShare;
}

/** Changes what a share allows or when it ends. */
export async function updateShare(
  settings: Settings,
  id: string,
  change: { role?: Role; expires?: string | null }
): Promise<IShare> {
  const address = `api/mesh/shares/${encodeURIComponent(id)}`;
  const response = await send(settings, 'PATCH', address, change);
  return (await response.json()) as IShare;
}

/** Ends a share. */
export async function removeShare(
  settings: Settings,
  id: string
): Promise<void> {
  await request(settings, `api/mesh/shares/${encodeURIComponent(id)}`, {
    method: 'DELETE'
  });
}

export async function createLink(
  settings: Settings,
  link: ILinkRequest
): Promise<ILink> {
  const response = await send(settings, 'POST', 'api/mesh/links', link);
  return (await response.json()) as ILink;
}

/** Changes a link; what is not named stays as it is. */
export async function updateLink(
  settings: Settings,
  id: string,
  change: Partial<Omit<ILinkRequest, 'path'>>
): Promise<ILink> {
  const address = `api/mesh/links/${encodeURIComponent(id)}`;
  const response = await send(settings, 'PATCH', address, change);
  return (await response.json()) as ILink;
}

export async function removeLink(
  settings: Settings,
  id: string
): Promise<void> {
  await request(settings, `api/mesh/links/${encodeURIComponent(id)}`, {
    method: 'DELETE'
  });
}

/** Finds people and groups of the own site and contacts, given at least three letters. */
export async function searchPeople(
  settings: Settings,
  text: string,
  signal?: AbortSignal
): Promise<IFound> {
  const query = URLExt.objectToQueryString({ q: text });
  const response = await request(settings, `api/mesh/people${query}`, {
    signal
  });
  return (await response.json()) as IFound;
}

/** What rows of files say of sharing. */
export async function fetchMarks(settings: Settings): Promise<IMarks> {
  const response = await request(settings, 'api/mesh/marks');
  return (await response.json()) as IMarks;
}
