// Whether two lists of entries look alike.
import type { Contents } from '@jupyterlab/services';

/** True if the rows of both would look alike. */
export function isSame(
  a: readonly Contents.IModel[],
  b: readonly Contents.IModel[]
): boolean {
  return (
    a.length === b.length &&
    a.every((item, index) => item === b[index] || isAlike(item, b[index]))
  );
}

function isAlike(a: Contents.IModel, b: Contents.IModel): boolean {
  return (
    a.path === b.path &&
    a.type === b.type &&
    a.size === b.size &&
    a.writable === b.writable &&
    a.created === b.created &&
    a.last_modified === b.last_modified &&
    JSON.stringify(meshOf(a)) === JSON.stringify(meshOf(b))
  );
}

function meshOf(item: Contents.IModel): unknown {
  return (item as Contents.IModel & { mesh?: unknown }).mesh;
}
