// Requests about projects across sites.
import type { ServerConnection } from '@jupyterlab/services';
import type { IPage, IPerson, IProject, Role } from '../sharing/api';

import { request, send } from '../api';
import { fetchPage } from '../shared/api';

type Settings = ServerConnection.ISettings;

/** A member as the user wants it. */
export interface IWanted {
  /** Key of a person. */
  with: string;
  role: Role;
  expires: string | null;
}

/** A project as the user wants it; without a path it is to be made. */
export interface IProjectRequest {
  path: string | null;
  name: string;
  members: IWanted[];
}

/** One thing that carrying out a plan does. */
export interface IStep {
  action: 'create' | 'share' | 'update' | 'remove';
  who: IPerson | null;
  role: Role | null;
  message: string;
}

export function fetchProjects(
  settings: Settings,
  cursor: string,
  limit: number
): Promise<IPage<IProject>> {
  return fetchPage(settings, 'projects', { cursor, limit });
}

export async function fetchProject(
  settings: Settings,
  id: string
): Promise<IProject> {
  const response = await request(settings, addressOf(id));
  return (await response.json()) as IProject;
}

/** What making or changing a project would do. Sends nothing to anybody. */
export async function planProject(
  settings: Settings,
  wanted: IProjectRequest
): Promise<IStep[]> {
  const response = await send(
    settings,
    'POST',
    'api/mesh/projects/plan',
    wanted
  );
  return ((await response.json()) as { steps: IStep[] }).steps;
}

/** Makes a project. Members that could not be reached are in it, with the reason. */
export async function createProject(
  settings: Settings,
  wanted: IProjectRequest
): Promise<IProject> {
  const response = await send(settings, 'POST', 'api/mesh/projects', wanted);
  return (await response.json()) as IProject;
}

/** Gives a project these members and no others; refused if they are not those that were seen any more. */
export async function changeProject(
  settings: Settings,
  { id, version }: IProject,
  members: IWanted[]
): Promise<IProject> {
  const response = await send(settings, 'PATCH', addressOf(id), {
    members,
    version
  });
  return (await response.json()) as IProject;
}

/** Does again what has not worked. */
export async function repairProject(
  settings: Settings,
  id: string
): Promise<IProject> {
  const address = `${addressOf(id)}/repair`;
  const response = await request(settings, address, { method: 'POST' });
  return (await response.json()) as IProject;
}

export async function leaveProject(
  settings: Settings,
  id: string
): Promise<void> {
  await request(settings, `${addressOf(id)}/leave`, { method: 'POST' });
}

/** Ends all shares of a project; its folder stays with the owner. */
export async function dissolveProject(
  settings: Settings,
  id: string
): Promise<void> {
  await request(settings, addressOf(id), { method: 'DELETE' });
}

function addressOf(id: string): string {
  return `api/mesh/projects/${encodeURIComponent(id)}`;
}
