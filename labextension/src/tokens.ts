// Ids, tokens and types. Importing this file does nothing.
import type { FileBrowser } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';
import { Token } from '@lumino/coreutils';

import type {
  Abilities,
  AbilityName,
  IPerson,
  ISharingEvent
} from './sharing/api';

/** Every plugin id begins with this. */
export const NAMESPACE = '@jupyter-mesh/labextension';

/** Gettext domain of every text a user reads. */
export const DOMAIN = 'jupyter_mesh';

/** Widget ids: layouts and saved state refer to them. */
export const PANEL_ID = 'jp-mesh-panel';
export const BROWSER_ID = 'jp-mesh-browser';

export namespace CommandIDs {
  export const openPath = 'mesh:open-path';
  export const openLink = 'mesh:open-link';
  export const copyLink = 'mesh:copy-link';
  export const refresh = 'mesh:refresh';
  export const newLauncher = 'mesh:new-launcher';
  export const newNotebook = 'mesh:new-notebook';
  export const newFolder = 'mesh:new-folder';
  export const upload = 'mesh:upload';
  export const toggleFilter = 'mesh:toggle-filter';
  export const details = 'mesh:details';
  export const signIn = 'mesh:sign-in';
  export const uploadFolder = 'mesh:upload-folder';
  export const download = 'mesh:download-zip';
  export const showTransfers = 'mesh:show-transfers';
  export const versions = 'mesh:versions';
  export const showBin = 'mesh:show-bin';
  export const copyCode = 'mesh:copy-path-for-code';
  export const insertCode = 'mesh:insert-path';
  export const share = 'mesh:share';
  export const whoHasAccess = 'mesh:who-has-access';
  export const createLink = 'mesh:create-link';
  export const invite = 'mesh:invite';
  export const acceptInvitation = 'mesh:accept-invitation';
  export const openInvitation = 'mesh:open-invitation';
  export const newProject = 'mesh:new-project';
  export const runBatch = 'mesh:run-batch';
}

/** How the site is, in the words of the server. */
export type SiteState = 'online' | 'offline' | 'signed-out' | 'not-configured';

export type AreaName = 'home' | 'projects' | 'shares';

/** An area of the mesh: `path` is the API path of its folder. */
export interface IArea {
  name: AreaName;
  path: string;
}

/** What the server writes into the page, so that nothing has to be asked before the panel is built. */
export interface IMeshPage {
  /** API path of the folder that holds the areas; "" if the mesh is the whole tree. */
  root: string;
  areas: IArea[];
}

/** The answer of `GET <base>/api/mesh/status`. */
export interface ISiteStatus {
  site: { name: string; title: string; gateway: string };
  user: { username: string; displayName: string } | null;
  state: SiteState;
  /** When the state began, ISO 8601. */
  since: string;
  /** One sentence for people, or "". */
  message: string;
  /** Reference id of a failure for the operators of the site, or "". */
  trace: string;
  quota: { used: number; total: number | null } | null;
  /** What this site can (true) and cannot do (false). */
  features: Record<string, boolean>;
  /** Where to sign in again, relative to the host, or null without a hub. */
  signIn: string | null;
}

/** A file that code has written in the mount and that is not at the site yet. */
export interface IPendingFile {
  /** API path. */
  path: string;
  size: number;
  uploading: boolean;
  tries: number;
  /** ISO 8601. */
  since: string;
}

/** A file that others changed while code wrote it: both contents are kept. API paths. */
export interface IMountConflict {
  /** What the others have made of it. */
  path: string;
  /** What code has written. */
  copy: string;
  /** Who changed it, or "". */
  who: string;
  when: string;
}

/** The answer of `GET <base>/api/mesh/mount`. */
export interface IMountStatus {
  /** `none`: there is no mount; `gone`: its program has ended; `hung`: it does not answer. */
  state:
    'none' | 'starting' | 'ready' | 'failing' | 'stopping' | 'gone' | 'hung';
  /** Why there is none, or what is wrong; one sentence, or "". */
  message: string;
  /** The mounted folder on the machine of the server. */
  dir: string | null;
  /** All files that are not at the site yet. */
  waiting: number;
  /** The first of them. */
  pending: IPendingFile[];
  /** When uploading failed first, ISO 8601. */
  failing_since: string | null;
  conflicts: IMountConflict[];
}

/** The answer of `GET <base>/api/mesh/code`. */
export interface ICode {
  /** `cs3://…`. */
  url: string;
  /** Where it is mounted, or null. */
  path: string | null;
  /** Python that opens all of them. */
  lines: string[];
  /** Where each of them is. */
  all: { url: string; path: string | null }[];
}

/** A transfer as the server tells it (`GET <base>/api/mesh/transfers`). */
export interface ITransferAnswer {
  id: string;
  kind: 'upload' | 'copy' | 'download' | 'sync';
  /** API path of what is being written. */
  path: string;
  /** `receiving`: bytes of an upload are still in a browser; `running`: between our server and the site. */
  state: 'receiving' | 'running' | 'done' | 'failed' | 'cancelled';
  done: number;
  /** Null while nobody knows. */
  total: number | null;
  /** Why it failed, one sentence for people, or "". */
  message: string;
  /** HTTP code of that failure, or 0. */
  status: number;
  /** API path of what is copied, or "". */
  source: string;
  /** ISO 8601. */
  started: string;
  /** Of a transfer that another program runs; null for those of our server. */
  elsewhere: IElsewhere | null;
}

/** Where a transfer runs that is none of our server's. */
export interface IElsewhere {
  /** "jupyter mesh put", for example. */
  program: string;
  /** The path on that machine, or "". */
  local: string;
  /** True if our server can go on with it. */
  canRetry: boolean;
}

/** Why a document is not saved: the answer of `<base>/api/mesh/unsaved`. */
export interface IUnsaved {
  /** API path of the document. */
  path: string;
  /** HTTP status: 412 if others have changed the file, 503 if the site is away. */
  status: number;
  /** One sentence of the server. */
  message: string;
  /** When saving failed first, ISO 8601. */
  since: string;
}

/** What the server can do about a document that is edited together and not saved. */
export type RoomAction = 'retry' | 'overwrite' | 'load';

/** Schema of the event that tells of a document that could not be saved, or could again. */
export const UNSAVED_SCHEMA = 'https://schema.jupyter-mesh.org/unsaved/v1';

/** What every part of the front end knows of the site. */
export interface IMeshModel extends IDisposable {
  /** API path of the folder that holds the areas; "" if the mesh is the whole tree. */
  readonly root: string;
  readonly areas: readonly IArea[];
  /** Null until the server has answered once. */
  readonly status: ISiteStatus | null;
  /** How the mount is; null until the server has answered once, and while it does not answer. */
  readonly mount: IMountStatus | null;
  /** True while an answer is awaited. */
  readonly isLoading: boolean;
  readonly stateChanged: ISignal<IMeshModel, void>;
  /** Asks the server; `fresh` asks the site itself, past every cache. Never rejects. */
  refresh(fresh?: boolean): Promise<void>;
  /** A request about the mesh failed elsewhere: look whether the site is at fault. */
  noteFailure(error: unknown): void;
  /** A request about the mesh succeeded elsewhere: look whether the site is back. */
  noteSuccess(): void;
  /** Keeps the state fresh while the function says that somebody looks. */
  watch(isWatched: () => boolean): IDisposable;
  /** True if the API path belongs to the mesh. */
  contains(path: string): boolean;
}

export const IMeshModel = new Token<IMeshModel>(
  `${NAMESPACE}:IMeshModel`,
  'The state of the connected site.'
);

/** What panels and dialogs about sharing have in common: what the site can do, and word of every change. */
export interface ISharingState extends IDisposable {
  /** Null until the server has answered. */
  readonly abilities: Abilities | null;
  /** Emitted when the abilities are known, or are otherwise than before. */
  readonly abilitiesChanged: ISignal<ISharingState, void>;
  /** Emitted when something about sharing has changed, whoever changed it. */
  readonly changed: ISignal<ISharingState, ISharingEvent>;
  /** False only for what the site is known not to be able to do. */
  can(name: AbilityName): boolean;
  /** Why the site cannot do something, one sentence, or "". */
  whyNot(name: AbilityName): string;
  /** Asks for the abilities unless they are known; `fresh` asks in any case. Never rejects. */
  load(fresh?: boolean): Promise<void>;
}

export const ISharingState = new Token<ISharingState>(
  `${NAMESPACE}:ISharingState`,
  'What the site can do for sharing, and word of every change.'
);

/** What the rows of listings say of sharing. */
export interface ISharingMarks {
  /** Asks the server, unless what is known is fresh: whoever shows a folder of the mesh calls it. */
  look(): void;
  /** Emitted when rows may say something else. */
  readonly changed: ISignal<ISharingMarks, void>;
  /** The word for a row and what it means; "" where there is nothing to say. */
  of(model: Pick<Contents.IModel, 'path' | 'writable'>): {
    text: string;
    title: string;
  };
  /** Who shares or has shared what is at an API path with the user, as far as is known. */
  from(path: string): IPerson | null;
}

export const ISharingMarks = new Token<ISharingMarks>(
  `${NAMESPACE}:ISharingMarks`,
  'What the rows of listings say of sharing.'
);

/** The panel, for plugins that lead to it. */
export interface IMeshPanel {
  readonly id: string;
  readonly isVisible: boolean;
  /** Goes to a folder, given its API path. Does not bring the panel to the front. */
  showPath(path: string): Promise<void>;
  readonly browser: FileBrowser & { focusListing(): void };
  /** False if nothing can be put into the open folder. */
  readonly isWritable: boolean;
  /** Puts a line below the account. */
  addLine(line: Widget): void;
  /** Puts a section below the files; setting its parent to null takes it away. */
  addSection(section: Widget, isCollapsed?: boolean): void;
  /** Opens a section that may be collapsed. */
  expandSection(section: Widget): void;
}

export const IMeshPanel = new Token<IMeshPanel>(
  `${NAMESPACE}:IMeshPanel`,
  'The Mesh sidebar.'
);
