// The user's contacts at other sites, and the invitations that are open.
import type { IInvitation, IPage, IPerson } from '../sharing/api';

import { Debouncer } from '@lumino/polling';

import { Pages } from '../lists/pages';
import { SectionModel } from '../lists/section';

/** Milliseconds of a pause in typing after which contacts are searched. */
const PAUSE = 300;

/** The contacts of one site. */
export interface ISiteGroup {
  domain: string;
  title: string;
  people: IPerson[];
}

export class PeopleModel extends SectionModel {
  constructor(protected override options: PeopleModel.IOptions) {
    super(options, 'people', ['contacts', 'invitations']);
    this._contacts = this._pagesFor('');
    this._invitations = new Pages(options.fetchInvitations);
    this._searcher = new Debouncer(() => this._find(), PAUSE);
  }

  /** True once the contacts are known. */
  get isKnown(): boolean {
    return this._contacts.items !== null;
  }

  /** Contacts by the title of their site, as far as they were fetched. */
  get sites(): ISiteGroup[] {
    const groups = new Map<string, ISiteGroup>();
    for (const person of this._contacts.items ?? []) {
      const domain = person.site?.domain ?? '';
      const title = person.site?.title || domain || this.siteTitle;
      const group = groups.get(domain) ?? { domain, title, people: [] };
      group.people.push(person);
      groups.set(domain, group);
    }
    return Array.from(groups.values()).sort((a, b) =>
      a.title.localeCompare(b.title)
    );
  }

  get loaded(): number {
    return this._contacts.items?.length ?? 0;
  }

  get total(): number {
    return this._contacts.total;
  }

  /** Open invitations, the latest first. */
  get invitations(): readonly IInvitation[] {
    return this._invitations.items ?? [];
  }

  get invitationsTotal(): number {
    return this._invitations.total;
  }

  get canInvite(): boolean {
    return this.options.sharing.can('invitations');
  }

  get canWithdraw(): boolean {
    return this.options.sharing.can('withdrawInvitations');
  }

  get search(): string {
    return this._search;
  }

  set search(value: string) {
    this._search = value;
    this.tell();
    void this._searcher.invoke().catch(() => undefined);
  }

  override dispose(): void {
    this._searcher.dispose();
    super.dispose();
  }

  /** Fetches one more page of contacts. */
  async showMore(): Promise<void> {
    const contacts = this._contacts;
    await this.attempt(() => contacts.more());
  }

  async showMoreInvitations(): Promise<void> {
    await this.attempt(() => this._invitations.more());
  }

  /** Takes somebody off the list. Rejects if the site did not. */
  async remove(person: IPerson): Promise<void> {
    await this.options.removeContact(person.key);
    this._contacts.edit(items => items.filter(each => each.key !== person.key));
    this.tell();
    void this.refresh();
  }

  /** Ends an invitation. Rejects if the site did not. */
  async withdraw(invitation: IInvitation): Promise<void> {
    await this.options.withdraw(invitation.id);
    this._invitations.edit(items =>
      items.filter(each => each.id !== invitation.id)
    );
    this.tell();
    void this.refresh();
  }

  protected override async load(): Promise<void> {
    const { sharing } = this.options;
    await Promise.all([
      sharing.can('contacts') ? this._contacts.load() : undefined,
      sharing.can('invitations') ? this._invitations.load() : undefined
    ]);
  }

  /** What was found stays on the screen until the next answer is here. */
  private async _find(): Promise<void> {
    const wanted = this._search.trim();
    const contacts = this._pagesFor(wanted);
    await this.attempt(async () => {
      await contacts.load();
      if (wanted === this._search.trim()) {
        this._contacts = contacts;
      }
    });
  }

  private _pagesFor(text: string): Pages<IPerson> {
    return new Pages((cursor, limit) =>
      this.options.fetchContacts(text, cursor, limit)
    );
  }

  private _contacts: Pages<IPerson>;
  private _invitations: Pages<IInvitation>;
  private _search = '';
  private _searcher: Debouncer;
}

export namespace PeopleModel {
  export interface IOptions extends SectionModel.IOptions {
    fetchContacts: (
      text: string,
      cursor: string,
      limit: number
    ) => Promise<IPage<IPerson>>;
    fetchInvitations: (
      cursor: string,
      limit: number
    ) => Promise<IPage<IInvitation>>;
    removeContact: (key: string) => Promise<void>;
    withdraw: (id: string) => Promise<void>;
  }
}
