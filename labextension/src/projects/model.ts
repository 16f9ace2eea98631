// The projects of the user.
import type { IPage, IProject } from '../sharing/api';

import { Pages } from '../lists/pages';
import { SectionModel } from '../lists/section';

export class ProjectsModel extends SectionModel {
  constructor(protected override options: ProjectsModel.IOptions) {
    super(options, 'projects', ['projects']);
    this._projects = new Pages(options.fetch);
  }

  /** True once the projects are known. */
  get isKnown(): boolean {
    return this._projects.items !== null;
  }

  /** What the search leaves of the projects. */
  get projects(): readonly IProject[] {
    const wanted = this._search.trim().toLocaleLowerCase();
    const items = this._projects.items ?? [];
    return wanted
      ? items.filter(item => item.name.toLocaleLowerCase().includes(wanted))
      : items;
  }

  get loaded(): number {
    return this._projects.items?.length ?? 0;
  }

  get total(): number {
    return this._projects.total;
  }

  get search(): string {
    return this._search;
  }

  /** A search looks at all there is, so all of it is fetched. */
  set search(value: string) {
    this._search = value;
    this.tell();
    if (value.trim() && this._projects.hasMore) {
      void this.refresh();
    }
  }

  isOpen(id: string): boolean {
    return this._open.has(id);
  }

  isBusy(id: string): boolean {
    return this._busy.has(id);
  }

  /** Why something could not be done with a project, or "". */
  problemOf(id: string): string {
    return this._problems.get(id) ?? '';
  }

  /** Shows the members of a project, or not. */
  show(id: string, isOpen: boolean): void {
    if (isOpen) {
      this._open.add(id);
    } else {
      this._open.delete(id);
    }
    this.tell();
  }

  async showMore(): Promise<void> {
    await this.attempt(() => this._projects.more());
  }

  /** Takes over how a project is now; a new one goes first. */
  put(project: IProject): void {
    this._projects.edit(items =>
      items.some(each => each.id === project.id)
        ? items.map(each => (each.id === project.id ? project : each))
        : [project, ...items]
    );
    this.tell();
  }

  /** Does again what has not worked; what fails is said in the row. */
  async repair(project: IProject): Promise<void> {
    await this._change(project, async () =>
      this.put(await this.options.repair(project.id))
    );
  }

  async leave(project: IProject): Promise<void> {
    await this._change(project, async () => {
      await this.options.leave(project.id);
      this._forget(project.id);
    });
  }

  async dissolve(project: IProject): Promise<void> {
    await this._change(project, async () => {
      await this.options.dissolve(project.id);
      this._forget(project.id);
    });
  }

  protected override async load(): Promise<void> {
    await this._projects.load();
    if (this._search.trim()) {
      await this._projects.all();
    }
  }

  private _forget(id: string): void {
    this._projects.edit(items => items.filter(each => each.id !== id));
  }

  /** One change of a project at a time. */
  private async _change(
    { id }: IProject,
    act: () => Promise<void>
  ): Promise<void> {
    if (this._busy.has(id)) {
      return;
    }
    this._busy.add(id);
    this._problems.delete(id);
    this.tell();
    try {
      await act();
      this.options.onMoved();
    } catch (error) {
      this._problems.set(id, (error as Error).message);
      this.options.mesh.noteFailure(error);
    }
    this._busy.delete(id);
    void this.refresh();
  }

  private _projects: Pages<IProject>;
  private _search = '';
  private _open = new Set<string>();
  private _busy = new Set<string>();
  private _problems = new Map<string, string>();
}

export namespace ProjectsModel {
  export interface IOptions extends SectionModel.IOptions {
    fetch: (cursor: string, limit: number) => Promise<IPage<IProject>>;
    repair: (id: string) => Promise<IProject>;
    leave: (id: string) => Promise<void>;
    dissolve: (id: string) => Promise<void>;
    /** What lies among the files of the user is otherwise than before. */
    onMoved: () => void;
  }
}
