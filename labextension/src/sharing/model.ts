// Who has access to one thing, and what the user is about to change.
import type {
  Abilities,
  IAccess,
  IAccessRow,
  IFailure,
  ILink,
  ILinkRequest,
  IPerson,
  IPlace,
  ISharingEvent,
  IShare,
  IShareRequest,
  Role
} from './api';
import type { IUntil } from './until';

import { VDomModel } from '@jupyterlab/ui-components';

import { failureOf } from './api';
import { expiryOf, NEVER } from './until';

/** Milliseconds until something says that it loads. */
const PATIENCE = 150;

/** What the user has put together and not shared yet. */
export interface IDraft {
  people: readonly IPerson[];
  role: Role;
  until: IUntil;
  note: string;
}

const EMPTY: IDraft = { people: [], role: 'viewer', until: NEVER, note: '' };

/** What has to be decided before something is sent. */
export type Question =
  /** Somebody at another site is to change files for the first time; `people` are those concerned. */
  | { kind: 'abroad'; people: IPerson[] }
  /** Shares of things above or below are in the way. */
  | { kind: 'conflict'; who: IPerson; failure: IFailure; paths: string[] }
  /** A link that is removed never comes back. */
  | { kind: 'link'; link: ILink };

/** Somebody whose access was taken away, and how to give it back. */
export interface IRemoved {
  who: IPerson;
  request: IShareRequest;
}

/** The share dialog without its looks. Nothing that others change touches what the user has typed. */
export class ShareModel extends VDomModel {
  /** `api` asks the server: the one thing that tests replace. */
  constructor(
    place: IPlace,
    private _api: ShareModel.IApi
  ) {
    super();
    this._place = place;
  }

  /** What the dialog is about. */
  get place(): IPlace {
    return this._place;
  }

  /** Where the user came from to a folder above, or null. */
  get former(): IPlace | null {
    return this._formers[this._formers.length - 1]?.place ?? null;
  }

  /** Null until the server has answered. */
  get access(): IAccess | null {
    return this._access;
  }

  /** What the site can do; null until the server has answered. */
  get abilities(): Abilities | null {
    return this._abilities;
  }

  /** Why it is not known who has access, or null. */
  get failure(): IFailure | null {
    return this._failure;
  }

  /** True once an answer takes longer than one waits without a sign. */
  get isSlow(): boolean {
    return this._isSlow;
  }

  /** True while something is being asked for the first time or again. */
  get isLoading(): boolean {
    return this._turn !== this._answered;
  }

  get draft(): IDraft {
    return this._draft;
  }

  /** Why it did not work with somebody of the draft, by key. */
  get draftFailures(): ReadonlyMap<string, IFailure> {
    return this._draftFailures;
  }

  /** True while the draft is being sent. */
  get isSending(): boolean {
    return this._isSending;
  }

  get question(): Question | null {
    return this._question;
  }

  /** The last one whose access was taken away, or null. */
  get removed(): IRemoved | null {
    return this._removed;
  }

  /** Those with whom it was shared just now. */
  get done(): readonly IPerson[] {
    return this._done;
  }

  /** True while a change of this share or link is on its way. */
  isBusy(id: string): boolean {
    return this._busy.has(id);
  }

  /** Why the last change of a share or link did not work, or undefined; "" is a link to be made. */
  failureFor(id: string): IFailure | undefined {
    return this._failures.get(id);
  }

  /** Asks the server who has access. Never rejects. */
  async refresh(): Promise<void> {
    const turn = ++this._turn;
    const slow = window.setTimeout(() => {
      this._isSlow = turn === this._turn;
      this._changed();
    }, PATIENCE);
    this._changed();
    try {
      const [access, abilities] = await Promise.all([
        this._api.access(this._place.path),
        this._abilities ?? this._api.abilities()
      ]);
      if (turn === this._turn) {
        this._access = access;
        this._abilities = abilities;
        this._failure = null;
      }
    } catch (error) {
      const failure = await this._fail(error);
      if (turn === this._turn) {
        this._failure = failure;
      }
    }
    window.clearTimeout(slow);
    if (turn === this._turn) {
      this._answered = turn;
      this._isSlow = false;
      this._changed();
    }
  }

  /** Takes over what an event tells: what is shown is asked for again if it may be another now. */
  note(event: ISharingEvent): void {
    const { path } = this._place;
    const isNear =
      !event.path ||
      event.path === path ||
      path.startsWith(`${event.path}/`) ||
      event.path.startsWith(`${path}/`);
    if (isNear && ['shares', 'links', 'projects'].includes(event.what)) {
      void this.refresh();
    }
  }

  /** Goes to a folder above, where access comes from. */
  goTo(place: IPlace): void {
    this._formers.push({ place: this._place, draft: this._draft });
    this._show(place, EMPTY);
  }

  /** Goes back to where the user came from. */
  goBack(): void {
    const former = this._formers.pop();
    if (former) {
      this._show(former.place, former.draft);
    }
  }

  /** The form that is open: that of a link or of an end, by the id of what it is about; NEW_LINK, or null. */
  get form(): string | null {
    return this._form;
  }

  /** Opens a form and closes the one before. */
  openForm(id: string | null): void {
    this._form = id;
    this._changed();
  }

  /** Closes what lies on top; false if there is only the dialog itself. */
  closeInnermost(): boolean {
    if (this._question) {
      void this.answer(false);
      return true;
    }
    if (this._form !== null) {
      this.openForm(null);
      return true;
    }
    return false;
  }

  edit(change: Partial<IDraft>): void {
    this._draft = { ...this._draft, ...change };
    this._changed();
  }

  /** Puts somebody on the list of those to share with. */
  pick(person: IPerson): void {
    if (!this._draft.people.some(({ key }) => key === person.key)) {
      this._done = [];
      this.edit({ people: [...this._draft.people, person] });
    }
  }

  /** Takes somebody, or the last one, off the list. */
  unpick(person = this._draft.people[this._draft.people.length - 1]): void {
    if (person) {
      this._draftFailures.delete(person.key);
      this.edit({
        people: this._draft.people.filter(({ key }) => key !== person.key)
      });
    }
  }

  /** Shares with all on the list, after a question where write access leaves the house. */
  async share(): Promise<void> {
    const { people, role, until } = this._draft;
    const isReady =
      people.length > 0 && (until.choice !== 'day' || expiryOf(until));
    if (!isReady || this._isSending || this._question) {
      return;
    }
    const abroad = this._firstAbroad(people, role);
    if (abroad.length) {
      this._ask({ kind: 'abroad', people: abroad }, () => this._send());
      return;
    }
    await this._send();
  }

  /** Answers the question; what it is about is done, or left as it is. */
  async answer(isYes: boolean): Promise<void> {
    const { _go: go } = this;
    this._question = null;
    this._go = null;
    this._changed();
    if (isYes) {
      await go?.();
    }
  }

  /** Changes what somebody may do, or until when. */
  async change(
    row: IAccessRow,
    change: { role?: Role; expires?: string | null }
  ): Promise<void> {
    const { share, who } = row;
    if (!share) {
      return;
    }
    const apply = (): Promise<boolean> =>
      this._busyWith(share, async () => {
        await this._api.update(share, change);
        await this.refresh();
      });
    const abroad = change.role ? this._firstAbroad([who], change.role) : [];
    if (abroad.length && row.role !== 'editor') {
      this._ask({ kind: 'abroad', people: abroad }, apply);
      return;
    }
    await apply();
  }

  /** Takes somebody's access away, at once. */
  async remove(row: IAccessRow): Promise<void> {
    const { share, who, role, expires, note } = row;
    const { path } = this._place;
    if (share) {
      await this._busyWith(share, async () => {
        await this._api.remove(share);
        this._done = [];
        this._removed = {
          who,
          request: { path, with: who.key, role, expires, note, force: false }
        };
        await this.refresh();
      });
    }
  }

  /** Gives back what was taken away last. */
  async undo(): Promise<void> {
    const removed = this._removed;
    if (removed) {
      await this._busyWith(UNDO, async () => {
        await this._api.share(removed.request);
        this._removed = null;
        await this.refresh();
      });
    }
  }

  /** Makes a link; resolves to it, or to null if that failed. */
  async createLink(link: Omit<ILinkRequest, 'path'>): Promise<ILink | null> {
    let made: ILink | null = null;
    await this._busyWith(NEW_LINK, async () => {
      made = await this._api.createLink({ ...link, path: this._place.path });
      await this.refresh();
    });
    return made;
  }

  /** Changes a link; false if that failed. */
  async changeLink(
    link: ILink,
    change: Partial<Omit<ILinkRequest, 'path'>>
  ): Promise<boolean> {
    return this._busyWith(link.id, async () => {
      await this._api.updateLink(link.id, change);
      await this.refresh();
    });
  }

  /** Removes a link, after a question. */
  removeLink(link: ILink): void {
    this._ask({ kind: 'link', link }, () =>
      this._busyWith(link.id, async () => {
        await this._api.removeLink(link.id);
        await this.refresh();
      })
    );
  }

  /** Those who would be the first of their site to change this; nobody unless the role lets them. */
  private _firstAbroad(people: readonly IPerson[], role: Role): IPerson[] {
    if (role !== 'editor') {
      return [];
    }
    const known = new Set(
      this._access?.rows
        .filter(row => row.role === 'editor')
        .map(row => row.who.site?.domain)
    );
    return people.filter(({ site }) => site && !known.has(site.domain));
  }

  /** Shares with each on the list; with whom it did not work stays there, with the reason. */
  private async _send(force: string[] = []): Promise<void> {
    const { people, role, until, note } = this._draft;
    const { path } = this._place;
    this._isSending = true;
    this._draftFailures.clear();
    this._done = [];
    this._removed = null;
    this._changed();
    const done: IPerson[] = [];
    let question: Question | null = null;
    for (const who of people) {
      try {
        await this._api.share({
          path,
          with: who.key,
          role,
          expires: expiryOf(until),
          note: note.trim(),
          force: force.includes(who.key)
        });
        done.push(who);
      } catch (error) {
        const failure = await this._fail(error);
        if (failure.conflict && !question) {
          const { paths } = failure.conflict;
          question = { kind: 'conflict', who, failure, paths };
        } else {
          this._draftFailures.set(who.key, failure);
        }
      }
    }
    this._isSending = false;
    this._done = done;
    // What was typed meanwhile stays.
    this._draft = {
      ...this._draft,
      people: this._draft.people.filter(
        ({ key }) => !done.some(who => who.key === key)
      )
    };
    if (!this._draft.people.length) {
      this._draft = { ...EMPTY, role };
    }
    if (question) {
      const { key } = question.who;
      this._ask(question, () => this._send([...force, key]));
    }
    if (done.length) {
      await this.refresh();
    }
    this._changed();
  }

  /** Runs one change at a time of a share or link; false if it failed, which is kept. */
  private async _busyWith(
    id: string,
    run: () => Promise<void>
  ): Promise<boolean> {
    if (this._busy.has(id)) {
      return false;
    }
    this._busy.add(id);
    this._failures.delete(id);
    this._changed();
    try {
      await run();
      return true;
    } catch (error) {
      this._failures.set(id, await this._fail(error));
      // Somebody else may have changed it.
      void this.refresh();
      return false;
    } finally {
      this._busy.delete(id);
      this._changed();
    }
  }

  private _ask(question: Question, go: () => Promise<unknown>): void {
    this._question = question;
    this._go = go;
    this._changed();
  }

  private _show(place: IPlace, draft: IDraft): void {
    this._place = place;
    this._draft = draft;
    this._form = null;
    this._access = null;
    this._failure = null;
    this._question = null;
    this._removed = null;
    this._done = [];
    this._failures.clear();
    this._draftFailures.clear();
    void this.refresh();
  }

  private async _fail(error: unknown): Promise<IFailure> {
    this._api.noteFailure(error);
    return failureOf(error);
  }

  private _changed(): void {
    if (!this.isDisposed) {
      this.stateChanged.emit();
    }
  }

  private _place: IPlace;
  private _formers: { place: IPlace; draft: IDraft }[] = [];
  private _form: string | null = null;
  private _access: IAccess | null = null;
  private _abilities: Abilities | null = null;
  private _failure: IFailure | null = null;
  private _isSlow = false;
  /** Number of the latest question to the server: answers to earlier ones are dropped. */
  private _turn = 0;
  private _answered = 0;
  private _draft = EMPTY;
  private _draftFailures = new Map<string, IFailure>();
  private _isSending = false;
  private _done: IPerson[] = [];
  private _removed: IRemoved | null = null;
  private _question: Question | null = null;
  private _go: (() => Promise<unknown>) | null = null;
  private _busy = new Set<string>();
  private _failures = new Map<string, IFailure>();
}

/** What is busy or fails under these names is no share that exists. */
export const UNDO = '\0undo';
export const NEW_LINK = '\0new link';

export namespace ShareModel {
  /** The requests of the dialog. */
  export interface IApi {
    access: (path: string) => Promise<IAccess>;
    abilities: () => Promise<Abilities>;
    share: (share: IShareRequest) => Promise<IShare>;
    update: (
      id: string,
      change: { role?: Role; expires?: string | null }
    ) => Promise<IShare>;
    remove: (id: string) => Promise<void>;
    createLink: (link: ILinkRequest) => Promise<ILink>;
    updateLink: (
      id: string,
      change: Partial<Omit<ILinkRequest, 'path'>>
    ) => Promise<ILink>;
    removeLink: (id: string) => Promise<void>;
    /** A request failed: the site may be away. */
    noteFailure: (error: unknown) => void;
  }
}
