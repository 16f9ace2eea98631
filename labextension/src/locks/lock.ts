// Who is editing a file, as our server writes it into its model.
import type { Contents } from '@jupyterlab/services';

/** A lock at the site. */
export interface ILock {
  /** Name of the person who holds it, or "". */
  holder: string;
  /** True if it is one of ours. */
  mine: boolean;
  /** When it ends unless it is renewed, ISO 8601, or null. */
  until: string | null;
}

/** The key of a model under which our server says what Jupyter's models have no field for. */
interface IMeshKey {
  mesh?: { lock?: ILock };
}

/** The lock that somebody else holds on a file, or null. */
export function foreignLock(
  model: Pick<Contents.IModel, 'path'>
): ILock | null {
  const lock = (model as IMeshKey).mesh?.lock;
  return lock && !lock.mine ? lock : null;
}
