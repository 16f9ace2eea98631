// The section PROJECTS: folders with members at several sites, and how each member is.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IMember, IProject } from '../sharing/api';

import { folderIcon, Toolbar, usersIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { actionButton } from '../lists/action';
import { MoreButton, RowList, Rows } from '../lists/rows';
import { RowsSection } from '../lists/rowssection';
import { ListState, ShowMore } from '../lists/state';
import { Sentence } from '../panel/sentence';
import { nameOf, roleWords } from '../sharing/words';
import type { ProjectsModel } from './model';
import {
  fromWords,
  needsRepair,
  projectWords,
  stateWords,
  troubleWords
} from './words';

/** From so many projects on there is a search. */
const MANY = 8;

/** What the buttons do. */
export interface IProjectActions {
  create: () => void;
  open: (project: IProject) => void;
  repair: (project: IProject) => void;
  /** Opens the menu of a project, below the button. */
  more: (project: IProject, button: HTMLElement) => void;
}

interface IProps {
  model: ProjectsModel;
  actions: IProjectActions;
  trans: TranslationBundle;
}

export function ProjectsView(props: IProps): JSX.Element {
  const { model, actions, trans } = props;
  const isSearching = model.search.trim() !== '';
  const { projects } = model;
  return (
    <Rows>
      {(model.total > MANY || isSearching) && (
        <div className="jp-MeshRows-tools">
          <input
            type="search"
            className="jp-mod-styled"
            aria-label={trans.__('Search projects')}
            placeholder={trans.__('Search')}
            value={model.search}
            onChange={event => {
              model.search = event.target.value;
            }}
          />
        </div>
      )}
      <ListState model={model} isKnown={model.isKnown} trans={trans} />
      {model.isKnown && !projects.length && isSearching && (
        <p className="jp-MeshRows-empty" role="status">
          {trans.__('No project is called that.')}
        </p>
      )}
      {model.isKnown && !projects.length && !isSearching && (
        <Sentence
          kind="empty"
          role="status"
          text={trans.__(
            'A project is a folder that people at several institutions work in together.'
          )}
          buttons={[
            {
              label: trans.__('New project'),
              onClick: actions.create,
              isPrimary: true
            }
          ]}
        />
      )}
      <div className="jp-MeshRows-lists" data-old={!model.isOnline}>
        <RowList heading={trans.__('Projects')} isNamedAbove items={projects}>
          {project => <Row key={project.id} {...props} project={project} />}
        </RowList>
        <ShowMore
          shown={model.loaded}
          total={model.total}
          onMore={() => void model.showMore()}
          trans={trans}
        />
      </div>
    </Rows>
  );
}

function Row(props: IProps & { project: IProject }): JSX.Element {
  const { model, project, actions, trans } = props;
  const { id, name } = project;
  const members = React.useId();
  const isOpen = model.isOpen(id);
  const isBusy = model.isBusy(id);
  const problem = model.problemOf(id);
  const canRepair = project.me === 'owner' && needsRepair(project);
  return (
    <li
      className="jp-MeshRow"
      data-id={id}
      onContextMenu={event => {
        event.preventDefault();
        event.stopPropagation();
        actions.more(
          project,
          event.currentTarget.querySelector<HTMLElement>(
            '[aria-haspopup="menu"]'
          )!
        );
      }}
    >
      <button
        className="jp-MeshRow-main"
        title={project.path}
        onClick={() => actions.open(project)}
      >
        <folderIcon.react tag="span" className="jp-MeshRow-icon" />
        <span className="jp-MeshRow-text">
          <span className="jp-MeshRow-name">{name}</span>
          <span className="jp-MeshRow-facts">
            {projectWords(project, trans)}
          </span>
        </span>
      </button>
      <button
        className="jp-MeshRow-more"
        aria-label={trans.__('Members of "%1"', name)}
        aria-expanded={isOpen}
        aria-controls={isOpen ? members : undefined}
        title={trans.__('Members')}
        onClick={() => model.show(id, !isOpen)}
      >
        <usersIcon.react tag="span" />
      </button>
      <MoreButton
        name={name}
        trans={trans}
        onOpen={button => actions.more(project, button)}
      />
      {canRepair && (
        <div className="jp-MeshRow-trouble">
          <span>{troubleWords(project, trans)}</span>
          <button
            className="jp-MeshRow-button"
            aria-label={trans.__('Repair "%1"', name)}
            aria-disabled={isBusy}
            onClick={() => {
              if (!isBusy) {
                actions.repair(project);
              }
            }}
          >
            {isBusy ? trans.__('Repairing…') : trans.__('Repair')}
          </button>
        </div>
      )}
      {problem && (
        <p className="jp-MeshRow-problem" role="alert">
          {problem}
        </p>
      )}
      {isOpen && (
        <Members
          id={members}
          name={name}
          members={project.members}
          ownSite={model.siteTitle}
          trans={trans}
        />
      )}
    </li>
  );
}

/** Everybody in a project, and how they are in words. */
export function Members(props: {
  id?: string;
  name: string;
  members: readonly IMember[];
  ownSite: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { members, ownSite, trans } = props;
  return (
    <ul
      id={props.id}
      className="jp-MeshMembers"
      aria-label={trans.__('Members of "%1"', props.name)}
    >
      {members.length === 0 && <li>{trans.__('Nobody but the owner.')}</li>}
      {members.map(member => (
        <li key={member.who.key} data-state={member.state}>
          <span className="jp-MeshMembers-name" title={member.who.site?.domain}>
            {trans.__(
              '%1, %2',
              nameOf(member.who, trans),
              fromWords(member.who, ownSite, trans)
            )}
          </span>
          <span className="jp-MeshRow-facts">
            {trans.__(
              '%1 · %2',
              roleWords(member.role, trans),
              stateWords(member.state, trans)
            )}
          </span>
          {member.message && (
            <span className="jp-MeshMembers-why">{member.message}</span>
          )}
        </li>
      ))}
    </ul>
  );
}

/** The section. It looks while it is open and seen. */
export class ProjectsSection extends RowsSection<ProjectsModel> {
  /** The model belongs to the section. */
  constructor(
    model: ProjectsModel,
    private _props: Omit<IProps, 'model'>
  ) {
    super(model, 'jp-mesh-projects', _props.trans.__('Projects'));
    const { trans, actions } = _props;
    this.toolbar.addItem(
      'new',
      actionButton({
        label: trans.__('New'),
        tooltip: trans.__('New project with people at several institutions'),
        onClick: actions.create
      })
    );
  }

  /** In the title of the section. */
  readonly toolbar = new Toolbar();

  protected override render(): JSX.Element {
    return <ProjectsView {...this._props} model={this.model} />;
  }
}
