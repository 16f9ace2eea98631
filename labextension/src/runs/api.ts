// Runs of notebooks as our server tells them, and the requests for them.
import type { ServerConnection } from '@jupyterlab/services';

import { remove, request, send } from '../api';

/** A notebook that our server executes, or has executed. */
export interface IRun {
  id: string;
  /** API path of the notebook. */
  path: string;
  /** API path of the result; "" until it is made. */
  output: string;
  state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  /** Cells with code that have run, of all of them. */
  done: number;
  total: number | null;
  /** Why it failed, one sentence, or "". */
  message: string;
  /** ISO 8601. */
  started: string;
}

/** Something that a notebook can be given. */
export interface IParameter {
  name: string;
  /** As the notebook has it. */
  source: string;
  value: unknown;
  /** False where the value is not known before the notebook runs. */
  isLiteral: boolean;
  help: string;
}

/** The parameters of a notebook, and a sentence where there are none. */
export interface IParameters {
  parameters: IParameter[];
  message: string;
}

export async function fetchRuns(
  settings: ServerConnection.ISettings
): Promise<IRun[]> {
  const response = await request(settings, 'api/mesh/runs');
  return ((await response.json()) as { runs: IRun[] }).runs;
}

export async function fetchParameters(
  settings: ServerConnection.ISettings,
  path: string
): Promise<IParameters> {
  const query = new URLSearchParams({ path });
  const response = await request(
    settings,
    `api/mesh/runs/parameters?${query.toString()}`
  );
  return (await response.json()) as IParameters;
}

export async function startRun(
  settings: ServerConnection.ISettings,
  path: string,
  parameters: Record<string, unknown>
): Promise<IRun> {
  const response = await send(settings, 'POST', 'api/mesh/runs', {
    path,
    parameters
  });
  return (await response.json()) as IRun;
}

/** Stops a run, or forgets one that has ended; one that is unknown is no error. */
export async function removeRun(
  settings: ServerConnection.ISettings,
  id: string
): Promise<void> {
  await remove(settings, `api/mesh/runs/${encodeURIComponent(id)}`);
}
